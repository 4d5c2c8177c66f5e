"""Checks what a scenario names elsewhere: its methods, and the classes of its data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.core.components import Dataset
from harness.core.errors import InputError, Keys, suggestion
from harness.scenario.published import check_classes, check_scores
from harness.scenario.reading import Reader
from harness.scenario.yaml_document import YamlMapping, YamlValue


def check_methods(reader: Reader, raw: YamlMapping, method_names: Sequence[str]) -> None:
    """Note a reference or a published value of no method, and a score that is not computed."""
    reference = raw.get("reference", "full")
    # Without any method, each reference would be wrong; that there is none is noted already.
    if method_names and reference not in method_names:
        # A reference that is left out is "full": then it is a method that is missing.
        path = "reference" if "reference" in raw else "methods"
        remedy = suggestion(str(reference), method_names)
        reader.note_problem((path,), f"the reference {reference!r} is not a method. {remedy}")
    evaluation = raw.get("evaluation")
    batch_average = isinstance(evaluation, dict) and bool(evaluation.get("batch_average"))
    _note_published(reader, check_scores(raw.get("published"), method_names, batch_average))


def check_class_names(
    reader: Reader, dataset: Dataset, mean_over: YamlValue, published: YamlValue
) -> None:
    """Note each class that the data set does not have.

    Args:
        reader: Where mistakes are noted.
        dataset: The data set of the scenario.
        mean_over: The classes to average over, as they are written.
        published: What a paper reports, as it is written; it may name scores such as iou:road.
    """
    try:
        classes = [item.name for item in dataset.classes]
    except InputError as error:  # the files that classes come from may be absent
        reader.note_problem(("dataset",), str(error))
        return
    # `ScenarioSettings` reports what is no list.
    averaged_classes = mean_over if isinstance(mean_over, list) else []
    for index, name in enumerate(averaged_classes):
        if name not in classes:
            remedy = suggestion(str(name), classes)
            reader.note_problem(
                ("mean_over", index), f"the data set has no class {name!r}. {remedy}"
            )
    _note_published(reader, check_classes(published, classes))


def _note_published(reader: Reader, mistakes: Iterable[tuple[Keys, str]]) -> None:
    for path, message in mistakes:
        # Below `values`, methods and scores are keys; the score to compare is a value.
        reader.note_problem(("published", *path), message, key=path[0] == "values")
