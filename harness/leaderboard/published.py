"""What a source reports for a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def reported(published: Mapping[str, Any] | None, method: str) -> dict[str, float]:
    """What a source has for a method, by score, from the `published` of a scenario or of a board's
    header.

    A number alone is the score that `compare` names.
    """
    value = (published or {}).get("values", {}).get(method, {})
    return (
        dict(value)
        if isinstance(value, Mapping)
        else {(published or {}).get("compare", "miou"): value}
    )
