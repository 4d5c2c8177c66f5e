"""What supervisions of proportions share: counting, normalising, and the fields that are the same
in all."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Provision, Sample, WeakLabel

PROVIDES: frozenset[Provision] = frozenset({"proportions"})
REVEALS = ("class proportions of each patch",)

PatchOnly = Annotated[
    Literal["patch"],
    # With `enum` beside the `const` that pydantic writes, listings show the value and not just
    # "text".
    Field(
        description=(
            "What is annotated at once: each patch. Labels can be cut from a scene, proportions"
            " cannot."
        ),
        json_schema_extra={"enum": ["patch"]},
    ),
]


def exact_shares(sample: Sample) -> NDArray[np.float64]:
    """float64 [K]: share of each class in the valid pixels; all zero where there is none."""
    shares: NDArray[np.float64] = sample.shares()[0]
    return shares


def weak_label(shares: NDArray[np.float64]) -> WeakLabel:
    """proportions float32 [K] of shares float64 [K]."""
    return WeakLabel(proportions=shares.astype(np.float32))


def normalised(values: NDArray[np.float64], otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of at least 0, divided by their sum; where all are 0, everything goes to the largest
    class of `otherwise`. float64 [K]."""
    if not values.any():
        values = np.zeros_like(values)
        values[otherwise.argmax()] = 1
    shares: NDArray[np.float64] = values / values.sum()
    return shares
