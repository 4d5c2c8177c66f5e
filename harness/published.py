"""Which scores a source can report of a method, how they are written in a scenario, and mistakes in
that."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from harness.documents import Keys
from harness.suggestions import suggestion

SCORES = (
    "miou",
    "batch_miou",
    "accuracy",
    "macro_f1",
    "iou:CLASS",
    "f1:CLASS",
    "precision:CLASS",
    "recall:CLASS",
)
SCORE = r"^(miou|batch_miou|accuracy|macro_f1|(iou|f1|precision|recall):.+)$"


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


def mistakes(published: Any, methods: Collection[str], batches: bool) -> Iterable[tuple[Keys, str]]:
    """Methods and scores that do not exist, each with its path below `published` and what to do.

    `batches`: whether records have the mean IoU over batches. What has another shape than
    `published` is left to its model.
    """
    for name in _mapping(_mapping(published).get("values")):
        if name not in methods:
            yield ("values", name), f"is not a method. {suggestion(name, methods)}"
    for path, score in _written(published):
        if not re.match(SCORE, score):
            yield path, f"{score!r}: is not a score. {suggestion(score.partition(':')[0], SCORES)}"
        elif score == "batch_miou" and not batches:
            yield path, "batch_miou is computed where evaluation.batch_average is set: set it"


def unknown_classes(published: Any, classes: Collection[str]) -> Iterable[tuple[Keys, str]]:
    """The same for scores of a class, such as iou:road, that a data set does not have."""
    for path, score in _written(published):
        of = score.partition(":")[2]
        if of and of not in classes:
            yield path, f"the data set has no class {of!r}. {suggestion(of, classes)}"


def _written(published: Any) -> Iterable[tuple[Keys, str]]:
    """Every score that is named, with its path."""
    section = _mapping(published)
    compare = section.get("compare")
    if isinstance(compare, str):
        yield ("compare",), compare
    for method, value in _mapping(section.get("values")).items():
        for score in _mapping(value):
            yield ("values", method, score), score


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
