"""What makes a record believable: types of its fields, and figures that follow from its counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from harness import metrics
from harness.core.errors import dotted
from harness.records.record import Calibration, FinishedRecord, Ledger, Record

TOLERANCE = 2e-6
"""Stored scores have six decimals, the last of which may differ between machines."""


def first_mistake(error: ValidationError) -> str:
    """Say in words which field of a line is missing or not of its type."""
    details = error.errors(include_url=False)[0]
    field = dotted(details["loc"])
    message = details["msg"][:1].lower() + details["msg"][1:]
    if details["type"] == "missing":
        message = "is missing"
    return f"{field}: {message}" if field else message


def find_contradiction(record: Record) -> str | None:
    """Say what in a record does not fit together, if anything does not.

    Only a result has figures that follow from others.
    """
    if not isinstance(record, FinishedRecord):
        return None
    return next(_contradictions(record), None)


def repeated(values: Sequence[Any]) -> list[Any]:
    """Return the values that occur more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


def _contradictions(record: FinishedRecord) -> Iterator[str]:
    yield from _contradictions_of_names(record)
    counts = _counts(record)
    if isinstance(counts, str):
        yield counts
        return  # nothing can be held against counts of the wrong shape
    total = counts.sum(0)
    yield from _contradictions_of_scores(record, total)
    yield from _contradictions_of_ledger(record.ledger)
    yield from _contradictions_of_lengths(record)
    calibration = record.details.calibration
    if calibration is not None:
        yield from _contradictions_of_calibration(calibration, total)


def _contradictions_of_names(record: FinishedRecord) -> Iterator[str]:
    names_by_field = {
        "classes": record.class_names,
        "mean_over": record.mean_over,
        "confusion.images": record.confusion.images,
    }
    for field, names in names_by_field.items():
        twice = repeated(names)
        if twice:
            yield f"{field}: {twice[0]!r} occurs twice"
    for name in record.mean_over:
        if name not in record.class_names:
            yield f"mean_over: {name!r} is not one of the classes"


def _counts(record: FinishedRecord) -> np.ndarray[Any, np.dtype[np.int64]] | str:
    """Return the counts int64 [images, K, K], or why they have another shape."""
    confusion = record.confusion
    images = len(confusion.images)
    classes = len(record.classes)
    if len(confusion.groups) != images:
        return f"confusion.groups: {len(confusion.groups)} for {images} images"
    wrong_shape = (
        f"confusion.counts: must be {images} x {classes} x {classes}, for the images and classes"
    )
    try:
        counts = np.array(confusion.counts, np.int64)
    except ValueError:  # lines of different lengths
        return wrong_shape
    return counts if counts.shape == (images, classes, classes) else wrong_shape


def _contradictions_of_scores(record: FinishedRecord, total: metrics.Counts) -> Iterator[str]:
    expected = metrics.summary(total, record.class_names, record.mean_over)
    for difference in _differences(record.metrics.as_json(), expected):
        yield f"metrics.{difference}"


def _contradictions_of_ledger(ledger: Ledger) -> Iterator[str]:
    if ledger.valid_pixels:
        share = ledger.labelled_pixels / ledger.valid_pixels
        stated = {"labelled_share": ledger.labelled_share}
        for difference in _differences(stated, {"labelled_share": share}):
            yield f"ledger.{difference}"


def _contradictions_of_lengths(record: FinishedRecord) -> Iterator[str]:
    values_by_field: dict[str, Sequence[int]] = {}
    for index, annotation in enumerate(record.ledger.supervisions):
        field = f"ledger.supervisions.{index}.labelled_pixels_by_class"
        values_by_field[field] = annotation.labelled_pixels_by_class
    if record.details.boundary is not None:
        for name, values in record.details.boundary.as_json().items():
            if name != "radius":
                values_by_field[f"details.boundary.{name}"] = values
    classes = len(record.classes)
    for field, values in values_by_field.items():
        if len(values) != classes:
            yield f"{field}: {len(values)} numbers for {classes} classes"


def _contradictions_of_calibration(
    calibration: Calibration, total: metrics.Counts
) -> Iterator[str]:
    lengths = {len(calibration.pixels), len(calibration.correct), len(calibration.confidence)}
    if len(lengths) > 1:
        yield "details.calibration: pixels, correct and confidence must be of one length"
    sums = {
        "pixels": (sum(calibration.pixels), int(total.sum())),
        "correct": (sum(calibration.correct), int(np.trace(total))),
    }
    for name, (stated, expected) in sums.items():
        if stated != expected:
            yield (
                f"details.calibration.{name}: {stated} in all, where confusion.counts give"
                f" {expected}"
            )


def _differences(
    stated: Mapping[str, Any], expected: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """Yield the stated scores that are not what they should be, by dotted name."""
    for name, value in expected.items():
        given = stated.get(name, "nothing")
        if isinstance(value, Mapping) and isinstance(given, Mapping):
            yield from _differences(given, value, f"{prefix}{name}.")
        elif isinstance(value, Mapping):
            wanted = "one for each class"
            yield f"{prefix}{name}: {given!r} is stated, where the counts give {wanted}"
        elif not _is_close(given, value):
            wanted = "none" if value is None else f"{value:g}"
            yield f"{prefix}{name}: {given!r} is stated, where the counts give {wanted}"


def _is_close(stated: Any, expected: float | None) -> bool:
    if expected is None:
        return stated is None
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return False
    if math.isnan(stated) and math.isnan(expected):
        return True
    return abs(stated - expected) <= TOLERANCE
