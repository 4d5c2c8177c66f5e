"""What makes a record believable: types of its fields, and figures that follow from its counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from harness import metrics
from harness.core.errors import dotted
from harness.core.validation import list_mistakes
from harness.core.values import JsonObject
from harness.records.record import Calibration, Confusion, FinishedRecord, Ledger, Record

METRIC_TOLERANCE = 2e-6
"""Stored scores have six decimals, the last of which may differ between machines."""


def first_mistake(error: ValidationError) -> str:
    """Say in words which field of a line is missing or not of its type."""
    mistake = list_mistakes(error)[0]
    field = dotted(mistake.path)
    # Pydantic writes sentences. Here the message goes on after a colon.
    message = mistake.message[:1].lower() + mistake.message[1:]
    if mistake.kind == "missing":
        message = "is missing"
    # Without a field, the line as a whole is no record.
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
    # In the order in which they first occur, so that messages are the same again.
    return [value for value, count in Counter(values).items() if count > 1]


def _contradictions(record: FinishedRecord) -> Iterator[str]:
    yield from _contradictions_of_names(record)
    wrong_shape = _contradiction_of_shape(record.confusion, len(record.classes))
    if wrong_shape is not None:
        yield wrong_shape
        # Nothing can be held against counts of the wrong shape.
        return
    total = record.confusion.total
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


def _contradiction_of_shape(confusion: Confusion, classes: int) -> str | None:
    """Say how the shape of the counts differs from [images, K, K], if it does."""
    images = len(confusion.images)
    if len(confusion.groups) != images:
        return f"confusion.groups: {len(confusion.groups)} for {images} images"
    try:
        shape = confusion.array.shape
    except ValueError:
        # NumPy makes no array of lines of different lengths.
        shape = ()
    if shape != (images, classes, classes):
        return (
            f"confusion.counts: must be {images} x {classes} x {classes}, for the images and"
            " classes"
        )
    return None


def _contradictions_of_scores(record: FinishedRecord, total: metrics.Counts) -> Iterator[str]:
    # Of all scores that the counts give, so that one that was deleted is missed too.
    expected = metrics.summary(total, record.class_names, record.mean_over)
    for difference in _differences(record.metrics.as_json(), expected):
        yield f"metrics.{difference}"


def _contradictions_of_ledger(ledger: Ledger) -> Iterator[str]:
    # Older ledgers do not have the valid pixels, and a training part may have none.
    if not ledger.valid_pixels:
        return
    expected = {"labelled_share": ledger.labelled_pixels / ledger.valid_pixels}
    stated = {"labelled_share": ledger.labelled_share}
    for difference in _differences(stated, expected):
        yield f"ledger.{difference}"


def _contradictions_of_lengths(record: FinishedRecord) -> Iterator[str]:
    values_by_field: dict[str, Sequence[int]] = {}
    for index, annotation in enumerate(record.ledger.supervisions or []):
        field = f"ledger.supervisions.{index}.labelled_pixels_by_class"
        values_by_field[field] = annotation.labelled_pixels_by_class
    boundary = record.details.boundary
    if boundary is not None:
        # Not of `as_json`: fields that are unknown here need not be lists.
        for name in type(boundary).model_fields:
            if name != "radius":
                values_by_field[f"details.boundary.{name}"] = getattr(boundary, name)
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
    # The bins divide the tested pixels, so their sums are those of the confusion counts.
    stated = {"pixels": sum(calibration.pixels), "correct": sum(calibration.correct)}
    expected = {"pixels": int(total.sum()), "correct": int(np.trace(total))}
    for name, number in expected.items():
        if stated[name] != number:
            yield (
                f"details.calibration.{name}: {stated[name]} in all, where confusion.counts give"
                f" {number}"
            )


def _differences(stated: JsonObject, expected: JsonObject, prefix: str = "") -> Iterator[str]:
    """Yield the stated scores that are not what they should be, by dotted name."""
    for name, value in expected.items():
        given = stated.get(name, "nothing")
        if isinstance(value, dict) and isinstance(given, dict):
            yield from _differences(given, value, f"{prefix}{name}.")
            continue
        if isinstance(value, dict):
            wanted = "one for each class"
        elif _is_close(given, value):
            continue
        elif value is None:
            wanted = "none"
        else:
            wanted = f"{value:g}"
        yield f"{prefix}{name}: {given!r} is stated, where the counts give {wanted}"


def _is_close(stated: Any, expected: float | None) -> bool:
    if expected is None:
        return stated is None
    # For Python, True is a number too.
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return False
    # A score that is not defined is NaN on both sides, which is not equal to itself.
    if math.isnan(stated) and math.isnan(expected):
        return True
    return abs(stated - expected) <= METRIC_TOLERANCE
