"""What a line of a records file must be for a leaderboard to believe it: its fields and types, and
figures that follow from its counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness import metrics
from harness.core.errors import dotted
from harness.records.record import Failed, Finished, Planned

Record = Mapping[str, Any]


TOLERANCE = 2e-6
"""Stored scores have six decimals, the last of which may differ between machines."""


KINDS: Mapping[str, type[Planned]] = {"ok": Finished, "failed": Failed, "missing": Planned}


def problem_of_record(record: Any, header: Record) -> str | None:
    """What is wrong with a later line, if anything is: by itself, or as a run of the board with
    that header."""
    status = record.get("status") if isinstance(record, dict) else None
    found = _mistyped(KINDS.get(status, Planned) if isinstance(status, str) else Planned, record)
    if found:
        return found
    if (
        record["method"] not in [entry["name"] for entry in header["methods"]]
        or record["seed"] not in header["seeds"]
    ):
        return f"the first line plans no run of {record['method']!r} with seed {record['seed']}"
    settings = record.get("settings") or {}
    claims = {name: (record, header[name]) for name in ("scenario", "profile", "overrides")}
    claims |= {
        "settings.profile": (settings, header["profile"]),
        "settings.seed": (settings, record["seed"]),
    }
    claims["settings.dataset.name"] = settings.get("dataset", {}), header["dataset"]["name"]
    for field, (part, expected) in claims.items():
        name = field.rpartition(".")[2]
        if name in part and part[name] != expected:
            return f"{field}: {part[name]!r} is not {expected!r}, as the rest of the file has it"
    return next(_contradictions(record), None) if status == "ok" else None


def _mistyped(model: type[BaseModel], value: Any) -> str | None:
    try:
        model.model_validate(value)
    except ValidationError as error:
        return _told(error.errors(include_url=False)[0])
    return None


def _told(details: ErrorDetails) -> str:
    where = dotted(details["loc"])
    message = (
        "is missing"
        if details["type"] == "missing"
        else details["msg"][:1].lower() + details["msg"][1:]
    )
    return f"{where}: {message}" if where else message


def _contradictions(record: Record) -> Iterator[str]:
    """What in a finished record does not fit together."""
    names, confusion, details = (
        [entry["name"] for entry in record["classes"]],
        record["confusion"],
        record.get("details", {}),
    )
    size, images, counts = len(names), len(confusion["images"]), confusion["counts"]
    for field, values in (
        ("classes", names),
        ("mean_over", record["mean_over"]),
        ("confusion.images", confusion["images"]),
    ):
        if twice := _twice(values):
            yield f"{field}: {twice[0]!r} occurs twice"
    if unknown := [name for name in record["mean_over"] if name not in names]:
        yield f"mean_over: {unknown[0]!r} is not one of the classes"
    if len(confusion["groups"]) != images:
        yield f"confusion.groups: {len(confusion['groups'])} for {images} images"
    if not _shaped(counts, images, size):
        yield f"confusion.counts: must be {images} x {size} x {size}, for the images and classes"
        return
    total = np.array(counts, np.int64).sum(0)
    scores = metrics.summary(total, names, record["mean_over"])
    yield from (f"metrics.{field}" for field in _unequal(record["metrics"], scores))
    ledger = record["ledger"]
    if valid := ledger.get("valid_pixels"):
        yield from (
            f"ledger.{field}"
            for field in _unequal(ledger, {"labelled_share": ledger["labelled_pixels"] / valid})
        )
    given = {
        f"ledger.supervisions.{index}": entry
        for index, entry in enumerate(ledger.get("supervisions", ()))
    }
    lengths = {
        f"{name}.labelled_pixels_by_class": entry["labelled_pixels_by_class"]
        for name, entry in given.items()
    }
    lengths |= {
        f"details.boundary.{name}": values
        for name, values in details.get("boundary", {}).items()
        if name != "radius"
    }
    yield from (
        f"{name}: {len(values)} numbers for {size} classes"
        for name, values in lengths.items()
        if len(values) != size
    )
    if calibration := details.get("calibration"):
        if len({len(calibration[name]) for name in ("pixels", "correct", "confidence")}) > 1:
            yield "details.calibration: pixels, correct and confidence must be of one length"
        told = {"pixels": int(total.sum()), "correct": int(np.trace(total))}
        yield from (
            f"details.calibration.{name}: {sum(calibration[name])} in all, where confusion.counts"
            f" give {expected}"
            for name, expected in told.items()
            if sum(calibration[name]) != expected
        )


def _shaped(counts: Any, images: int, size: int) -> bool:
    try:
        return np.array(counts, np.int64).shape == (images, size, size)
    except ValueError:  # lines of different lengths
        return False


def _unequal(
    stated: Mapping[str, Any], expected: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    """The stated scores that are not what they should be, by dotted name."""
    for name, value in expected.items():
        own = stated.get(name, "nothing")
        if isinstance(value, Mapping) and isinstance(own, Mapping):
            yield from _unequal(own, value, f"{prefix}{name}.")
        elif isinstance(value, Mapping) or not _close(own, value):
            told = (
                "one for each class"
                if isinstance(value, Mapping)
                else "none"
                if value is None
                else f"{value:g}"
            )
            yield f"{prefix}{name}: {own!r} is stated, where the counts give {told}"


def _close(stated: Any, expected: float | None) -> bool:
    if expected is None or not isinstance(stated, int | float) or isinstance(stated, bool):
        return expected is None and stated is None
    return abs(stated - expected) <= TOLERANCE or (math.isnan(stated) and math.isnan(expected))


def _twice(values: Sequence[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]
