"""A scenario as a checked, frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.core.components import Dataset, Loss, Model, Supervision
from harness.core.hashing import digest
from harness.core.values import Part
from harness.scenario.published import Published
from harness.scenario.settings import Evaluation, Floor, Patches, Split, Training


@dataclass(frozen=True, slots=True)
class Term:
    """One loss of an objective."""

    loss: Loss
    """The loss."""
    weight: float = 1.0
    """Its factor in the sum of the objective."""
    ramp: float = 0.0
    """The fraction of training over which the weight rises from near 0 to its value."""


@dataclass(frozen=True, slots=True)
class Method:
    """A named pair of supervision and objective."""

    name: str
    """The name, with swept values in it."""
    supervisions: tuple[Supervision, ...]
    """What annotates, one after the other; none of a floor that is fitted on whole masks."""
    terms: tuple[Term, ...]
    """The losses of the objective; none of a floor."""
    about: str = ""
    """One line for the leaderboard."""
    floor: Floor | None = None
    """The kind of a method without a network."""
    trains_on: Literal["training", "validation"] = "training"
    """The part of the split that is annotated and trained on, as scenarios call it."""

    @property
    def part(self) -> Part:
        """The part of the split that is annotated and trained on, as the core calls it."""
        return "train" if self.trains_on == "training" else "validation"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything an experiment needs, resolved.

    Components are instances, sweeps are methods, and the profile is applied.
    """

    name: str
    """The name, in kebab-case."""
    about: str
    """What is compared and why, in one line."""
    profile: str | None
    """The profile that was asked for."""
    overrides: tuple[str, ...]
    """What the command line changed: field.field=value."""
    dataset: Dataset
    """The data set."""
    patches: Patches
    """How scenes become patches."""
    split: Split
    """How scenes are divided."""
    model: Model
    """The network."""
    training: Training
    """How the network is trained."""
    seeds: tuple[int, ...]
    """The seeds, one by one."""
    reference: str
    """The name of the method that every other one is compared with."""
    evaluation: Evaluation
    """What is computed beside the confusion counts."""
    mean_over: tuple[str, ...]
    """The classes that the mean IoU is taken over."""
    methods: tuple[Method, ...]
    """The methods, sweeps expanded, in the order of the file."""
    published: Published | None
    """A paper's numbers for these methods."""
    changes: tuple[str, ...] = ()
    """What the profile changes, as `--set` would, for a reader."""

    @property
    def board(self) -> str:
        """The stem of the leaderboard's files.

        The profile and a digest of the overrides belong to it, so that results of each stay apart.
        """
        stem = self.name
        if self.profile:
            stem += f".{self.profile}"
        if self.overrides:
            stem += f".set-{digest(self.overrides)[:8]}"
        return stem
