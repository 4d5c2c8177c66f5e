"""Supervisions whose weak labels a test can work out by hand, and what a ledger says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.core.components import Supervision
from harness.core.values import IGNORE, Provision, Sample, WeakLabel
from harness.records.record import Ledger
from harness.run.annotate import TrainingLabels, annotate
from harness.run.patches import PatchSet

Array = NDArray[Any]

LABELS: frozenset[Provision] = frozenset({"labels"})
PROPORTIONS: frozenset[Provision] = frozenset({"proportions"})


class Proportions(Supervision):
    """The exact proportions of a patch."""

    name: ClassVar[str] = "proportions"
    provides: ClassVar[frozenset[Provision]] = PROPORTIONS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(proportions=shares_of_classes(sample))


class Constant(Supervision):
    """The same proportions for every patch, right or wrong."""

    name: ClassVar[str] = "constant"
    provides: ClassVar[frozenset[Provision]] = PROPORTIONS
    values: tuple[float, ...]

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(proportions=np.array(self.values, np.float32))


class Halves(Supervision):
    """The proportions of the left and the right half of a patch, or what breaks the contract."""

    name: ClassVar[str] = "halves"
    provides: ClassVar[frozenset[Provision]] = PROPORTIONS
    breach: str = "none"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        width = sample.mask.shape[1]
        regions = np.zeros(sample.mask.shape, np.uint8)
        regions[:, width // 2 :] = 1
        shares = sample.shares(regions, 2).astype(np.float32)
        half_of_second = np.array([[1], [0.5]], np.float32)
        none_of_second = np.array([[1], [0]], np.float32)
        changes: dict[str, dict[str, Any]] = {
            "vector": {"proportions": shares[0]},
            "no regions": {"regions": None},
            "none at all": {"proportions": shares[:0]},
            "too many": {"proportions": np.repeat(shares, 128, 0)},
            "classes": {"proportions": shares[:, 1:]},
            "type": {"proportions": shares.astype(np.float64)},
            "map": {"regions": regions[1:]},
            "map type": {"regions": regions.astype(np.int64)},
            "outside": {"regions": regions * 2},
            "sum": {"proportions": shares * half_of_second},
            "empty": {"proportions": shares * none_of_second},
        }
        # These are no breach of one patch: they differ from what the others have.
        if "@0,0" in sample.key:
            changes["another number"] = {"proportions": np.repeat(shares, 2, 0)}
            changes["sometimes"] = {"proportions": shares[0], "regions": None}
        whole = WeakLabel(proportions=shares, regions=regions)
        return replace(whole, **changes.get(self.breach, {}))


class Tags(Supervision):
    """Which classes occur in a patch."""

    name: ClassVar[str] = "tags"
    provides: ClassVar[frozenset[Provision]] = frozenset({"tags"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return WeakLabel(tags=shares_of_classes(sample) > 0)


def shares_of_classes(sample: Sample) -> NDArray[np.float32]:
    """Return the exact proportions of a sample, float32 [K]."""
    (shares,) = sample.shares().astype(np.float32)
    return np.asarray(shares)


def ledger_of(patches: PatchSet, indices: Sequence[int], *supervisions: Supervision) -> Ledger:
    """Return the ledger of what supervisions give to patches."""
    _, ledger = annotate(patches, indices, supervisions, 0)
    return ledger


def labels_in(weak: TrainingLabels) -> Array:
    """Return the labels of pixels, which there must be."""
    assert weak.labels is not None
    return weak.labels


def count_labelled(labels: Array) -> list[int]:
    """Return the number of labelled pixels of each patch."""
    return [int((patch != IGNORE).sum()) for patch in labels]
