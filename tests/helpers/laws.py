"""How tests of random draws are judged."""

from __future__ import annotations

from typing import Any

import numpy as np


def assert_plausible(test: Any) -> None:
    """Fail where a statistical test finds what would happen by chance once in a thousand times.

    Draws have fixed seeds, so a test that passes here passes everywhere.
    """
    assert np.min(test.pvalue) > 1e-3
