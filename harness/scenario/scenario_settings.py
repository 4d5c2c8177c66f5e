"""A scenario file as a whole: its fields, and those of a method and a loss term."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from harness.core.errors import Keys
from harness.scenario.published import Published
from harness.scenario.settings import Evaluation, Floor, Patches, Section, Split, Training
from harness.scenario.yaml_document import YamlValue

MOST_SEEDS = 1000
"""No study has more; a slip of the finger would fill the memory with planned runs."""


class MethodSettings(Section):
    """A named pair of supervision and loss."""

    # Components are checked by their own classes, which only the catalog knows.
    supervision: Any = Field(
        None, description="A supervision, or a list of them: name, or {name: ..., field: value}."
    )
    loss: Any = Field(
        None,
        description=(
            "A loss, or a list of weighted terms: {name: ..., weight: 0.5, ramp: 0.1, field:"
            " value}."
        ),
    )
    floor: Floor | None = Field(
        None,
        description=(
            "Instead of a loss: a method without a network, fitted on the labels (without"
            " supervision: on whole masks). majority: the commonest class. mean-proportions: the"
            " class of largest mean share per patch. qda: quadratic discriminant analysis on colour"
            " and local statistics."
        ),
    )
    trains_on: Literal["training", "validation"] = Field(
        "training",
        description=(
            "The part of the split that is annotated and trained on. validation: for a few-shot"
            " row, dense training on exactly the images that the other methods use to select a"
            " network; for all epochs, without early stopping or selection."
        ),
    )
    sweep: dict[str, list[Any]] = Field(
        {},
        description=(
            "Fields with lists of values: one method per combination. {field} in the method's name"
            " becomes the value."
        ),
    )
    about: str = Field("", description="One line for the leaderboard.")

    @model_validator(mode="after")
    def _loss_or_floor(self) -> Self:
        if (self.loss is None) == (self.floor is None):
            raise ValueError("give either a loss or a floor")
        # A floor needs no supervision: then it is fitted on whole masks.
        if self.loss is not None and self.supervision is None:
            raise ValueError("a loss needs a supervision")
        return self


class TermSettings(Section):
    """How one loss enters the objective."""

    weight: float = Field(1.0, ge=0, description="Factor of this loss in the sum.")
    ramp: float = Field(
        0.0,
        ge=0,
        le=1,
        description=(
            "Fraction of training over which the weight rises from near 0 to its value, as exp(-5"
            " (1 - t)^2). 0: no ramp."
        ),
    )


def write_out(path: Keys, shorthand: str) -> dict[str, str]:
    """Return the mapping that a name alone stands for at a path of a scenario.

    `split: official` is {by: official}; every other name alone is that of a component.
    """
    if path == ("split",):
        return {"by": shorthand}
    return {"name": shorthand}


def _write_out_split(value: Any) -> Any:
    # What is neither a name nor a mapping is left to pydantic, which complains of it.
    if isinstance(value, str):
        return write_out(("split",), value)
    return value


class ScenarioSettings(Section):
    """One file that decides everything about an experiment."""

    name: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        description="Name of the scenario and of its leaderboard, in kebab-case.",
    )
    about: str = Field(
        "", description="What is compared and why, with its source; printed on the leaderboard."
    )
    # Components are checked by their own classes, which only the catalog knows.
    dataset: Any = Field(description="A data set: name, or {name: ..., field: value}.")
    patches: Patches = Field(Patches(), description="How scenes become patches.")
    split: Annotated[Split, BeforeValidator(_write_out_split)] = Field(
        Split(), description="How scenes are divided; a name alone means `by`."
    )
    model: Any = Field(description="A network: name, or {name: ..., field: value}.")
    training: Training = Field(Training(), description="How networks are trained.")
    seeds: int | tuple[int, ...] = Field(
        5, description="How many seeds (0, 1, ...), or the list of them."
    )
    reference: str = Field("full", description="The method that every other one is compared with.")
    evaluation: Evaluation = Field(
        Evaluation(), description="What is computed on test patches beside the confusion counts."
    )
    mean_over: tuple[str, ...] | None = Field(
        None, description="Classes that the mean IoU is taken over. Default: all of the data set."
    )
    methods: dict[str, MethodSettings] = Field(
        min_length=1, description="The methods to compare, by name."
    )
    profiles: dict[str, dict[str, YamlValue]] = Field(
        {},
        description=(
            "Named overrides of the fields above, chosen with --profile. Results of profiles never"
            " mix."
        ),
    )
    published: Published | None = Field(None, description="A paper's numbers for these methods.")

    @field_validator("seeds")
    @classmethod
    def _seeds_are_different(cls, seeds: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if isinstance(seeds, int):
            if seeds > MOST_SEEDS:
                raise ValueError(f"is more than {MOST_SEEDS} seeds")
            good = seeds >= 1
        else:
            good = len(seeds) > 0 and min(seeds) >= 0 and len(set(seeds)) == len(seeds)
        if not good:
            raise ValueError(
                "write a number of seeds from 1, or a list of different numbers from 0"
            )
        return seeds
