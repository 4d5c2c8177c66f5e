"""A scenario as a checked, frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.core.components import Dataset, Loss, Model, Supervision
from harness.core.hashing import digest
from harness.core.values import Part
from harness.scenario.settings import Evaluation, Floor, Patches, Published, Split, Training


@dataclass(frozen=True, slots=True)
class Term:
    """One loss of an objective with its weight, and the fraction of training over which that weight
    rises."""

    loss: Loss
    weight: float = 1.0
    ramp: float = 0.0


@dataclass(frozen=True, slots=True)
class Method:
    """A named pair of supervision and objective."""

    name: str
    supervisions: tuple[Supervision, ...]
    terms: tuple[Term, ...]
    about: str = ""
    floor: Floor | None = None
    trains_on: Literal["training", "validation"] = "training"

    @property
    def part(self) -> Part:
        """The part of the split that is annotated and trained on."""
        return "train" if self.trains_on == "training" else "validation"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything an experiment needs, resolved: components are instances, sweeps are methods, the
    profile is applied.

    `changes` are what the profile sets, as `--set` would, for a reader; `overrides` what the
    command line did.
    """

    name: str
    about: str
    profile: str | None
    overrides: tuple[str, ...]
    dataset: Dataset
    patches: Patches
    split: Split
    model: Model
    training: Training
    seeds: tuple[int, ...]
    reference: str
    evaluation: Evaluation
    mean_over: tuple[str, ...]
    methods: tuple[Method, ...]
    published: Published | None
    changes: tuple[str, ...] = ()

    @property
    def board(self) -> str:
        """The stem of its leaderboard's files: name, then profile and overrides, so that results of
        each stay apart."""
        profile = f".{self.profile}" if self.profile else ""
        return (
            self.name + profile + (f".set-{digest(self.overrides)[:8]}" if self.overrides else "")
        )
