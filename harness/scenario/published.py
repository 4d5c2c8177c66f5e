"""What a paper reports for the methods of a scenario: the section `published`, and its checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from harness.core.errors import Keys, suggestion
from harness.scenario.settings import Section
from harness.scenario.yaml_document import YamlMapping, YamlValue

SCORE_NAMES = (
    "miou",
    "batch_miou",
    "accuracy",
    "macro_f1",
    "iou:CLASS",
    "f1:CLASS",
    "precision:CLASS",
    "recall:CLASS",
)
"""The scores that a paper's numbers can be compared with, as a person reads them."""

SCORE_PATTERN = r"^(miou|batch_miou|accuracy|macro_f1|(iou|f1|precision|recall):.+)$"
"""The same as a regular expression, for the JSON schema."""

Fraction = Annotated[float, Field(ge=0, le=1)]

PublishedScores = Annotated[
    dict[str, Fraction], Field(json_schema_extra={"propertyNames": {"pattern": SCORE_PATTERN}})
]
"""What a paper reports for one method: fractions, by the names of its scores."""


def _number_or_scores(value: YamlValue) -> str:
    # Without this tag pydantic would complain twice: that it is no number, and that it is no dict.
    if isinstance(value, dict):
        return "scores"
    return "number"


class Published(Section):
    """A paper's numbers for the methods of this scenario, shown beside ours. Not shown where a
    profile's data set lacks the class."""

    source: str = Field(description="Where the numbers are printed: paper, table.")
    metric: str = Field(
        description="What the source calls its numbers, and how they differ from ours."
    )
    # The pattern is for editors only: `check_scores` says which score was meant, pydantic would
    # print the pattern.
    compare: str = Field(
        "miou",
        json_schema_extra={"pattern": SCORE_PATTERN},
        description=(
            f"Which of our scores a number alone is: {', '.join(SCORE_NAMES[:-1])} or"
            f" {SCORE_NAMES[-1]}. batch_miou: see evaluation."
        ),
    )
    values: dict[
        str,
        Annotated[
            Annotated[Fraction, Tag("number")] | Annotated[PublishedScores, Tag("scores")],
            Discriminator(_number_or_scores),
        ],
    ] = Field(
        description=(
            "What the source has for each method, by its name, as fractions (0.66, not 66): a"
            ' number, or several by score, such as {miou: 0.523, accuracy: 0.823, "f1:water":'
            " 0.901}."
        )
    )
    deviations: tuple[str, ...] = Field(
        (), description="What differs from the source and may explain a difference, a phrase each."
    )


def check_scores(
    published: YamlValue, methods: Collection[str], batch_average: bool
) -> Iterable[tuple[Keys, str]]:
    """Yield each method and score that does not exist: its path below `published`, and a message.

    Args:
        published: The section as it is written. What has another shape is left to `Published`,
            which is read too and complains of it.
        methods: The names of the scenario's methods.
        batch_average: True where the scenario computes the mean IoU over batches.
    """
    for name in _as_mapping(_as_mapping(published).get("values")):
        if name not in methods:
            yield ("values", name), f"is not a method. {suggestion(name, methods)}"
    for path, score in _written_scores(published):
        if not re.match(SCORE_PATTERN, score):
            # Without the class: with it, no score would be near.
            remedy = suggestion(score.partition(":")[0], SCORE_NAMES)
            yield path, f"{score!r}: is not a score. {remedy}"
        elif score == "batch_miou" and not batch_average:
            yield path, "batch_miou is computed where evaluation.batch_average is set: set it"


def check_classes(published: YamlValue, classes: Collection[str]) -> Iterable[tuple[Keys, str]]:
    """Yield each score of a class that a data set does not have, such as iou:road, likewise."""
    for path, score in _written_scores(published):
        class_name = score.partition(":")[2]
        if class_name and class_name not in classes:
            remedy = suggestion(class_name, classes)
            yield path, f"the data set has no class {class_name!r}. {remedy}"


def _written_scores(published: YamlValue) -> Iterable[tuple[Keys, str]]:
    """Yield every score that the section names, with its path."""
    section = _as_mapping(published)
    compare = section.get("compare")
    if isinstance(compare, str):
        yield ("compare",), compare
    for method, value in _as_mapping(section.get("values")).items():
        for score in _as_mapping(value):
            yield ("values", method, score), score


def _as_mapping(value: YamlValue) -> YamlMapping:
    """Return the value if it is a mapping, else an empty one."""
    if isinstance(value, Mapping):
        return value
    return {}
