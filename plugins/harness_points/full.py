"""Full supervision."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.api import Provision, Sample, Supervision, WeakLabel


class Full(Supervision):
    """The whole mask: the reference that weak supervision is compared with."""

    name: ClassVar[str] = "full"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels", "dense"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """labels: the mask itself; ignored pixels stay unlabelled."""
        return WeakLabel(labels=np.array(sample.mask))
