"""The format of a record as JSON Schema, for those who read records without this package."""

from __future__ import annotations

from pydantic import TypeAdapter

from harness.core.values import JsonObject
from harness.records.record import FailedRecord, FinishedRecord, MissingRecord


def record_schema() -> JsonObject:
    """Return the JSON Schema (draft 2020-12) of a record that finished, failed or is missing."""
    records = TypeAdapter[FinishedRecord | FailedRecord | MissingRecord](
        FinishedRecord | FailedRecord | MissingRecord
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Record",
        "description": (
            "The record of a run: record.json in its folder, and a line of a board's file, of which"
            " the first one describes the board."
        ),
        **records.json_schema(),
    }
