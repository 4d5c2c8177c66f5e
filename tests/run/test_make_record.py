"""The record of a run, put together from what it has found out by then."""

from __future__ import annotations

import json
import math

import pytest
from tiny_runs import FULL, POINTS, make_run

from harness.records.record import FailedRecord, Record, parse_record
from harness.run.make_record import Findings, begin_findings, make_abandoned_record, make_record
from harness.run.network import build_network
from harness.run.prepare import annotate_training_part, divide_patches
from harness.run.train import EpochResult

pytestmark = pytest.mark.usefixtures("own_cache")


def assert_survives_the_disk(record: Record) -> None:
    """A record is read as it was written, its fields in the order of the documentation."""
    text = json.dumps(record.as_json())
    stored = json.loads(text)
    again = parse_record(stored)
    assert type(again) is type(record)
    assert again.as_json() == stored
    documented = [name for name in Record.model_fields if name in stored]
    assert list(stored) == documented


def failed_record(findings: Findings) -> Record:
    """The record of a run that fails with these findings."""
    try:
        raise ValueError("no more")
    except ValueError as error:
        record = make_record(make_run(POINTS), findings, error)
    assert_survives_the_disk(record)
    return record


def test_a_run_that_finds_nothing_out_has_a_record() -> None:
    record = failed_record(begin_findings())
    assert isinstance(record, FailedRecord)
    assert record.error.type == "ValueError"
    assert record.error.message == "no more"
    assert record.error.traceback is not None
    assert "test_make_record.py" in record.error.traceback
    assert record.classes is not None
    assert [recorded.name for recorded in record.classes] == ["dark", "light"]
    assert record.initialisation == "random"
    assert record.cost.seconds is not None
    stored = record.as_json()
    absent = {"split", "ledger", "hardware", "parameters", "confusion", "details", "selection"}
    assert not absent & set(stored)
    assert set(stored["cost"]) == {"started", "seconds", "peak_memory_mib", "epoch_seconds"}


def test_a_run_whose_process_died_has_a_record() -> None:
    record = make_abandoned_record(make_run(), "the process was killed by signal 9")
    assert_survives_the_disk(record)
    assert isinstance(record, FailedRecord)
    assert record.error.as_json() == {
        "type": "ProcessDied",
        "message": "the process was killed by signal 9",
        "traceback": "",
    }
    assert record.history == []
    assert record.cost.seconds is None


@pytest.mark.parametrize("validation", [None, 0.25, math.inf])
def test_seconds_of_epochs_stand_with_the_cost(validation: float | None) -> None:
    findings = begin_findings()
    result = EpochResult(1, loss=0.5, terms={"a": 0.5}, learning_rate=0.1, seconds=2.5)
    findings.epochs.append(result)
    findings.epochs.append(EpochResult(2, 0.4, {"a": 0.4}, 0.1, 3.5, validation))
    record = failed_record(findings)
    assert record.cost.epoch_seconds == [2.5, 3.5]
    first, second = record.as_json()["history"]
    assert first == {"epoch": 1, "loss": 0.5, "terms": {"a": 0.5}, "learning_rate": 0.1}
    assert second.get("validation") == validation


def test_masks_that_select_the_network_are_in_the_ledger() -> None:
    run = make_run(FULL, validation="miou", selection="best-validation")
    findings = begin_findings()
    findings.data = divide_patches(run)
    findings.annotated = annotate_training_part(run, findings.data)
    before = failed_record(findings).ledger
    findings.network = build_network(run, findings.data, findings.annotated)
    after = failed_record(findings).ledger
    assert before is not None
    assert before.selection is None
    assert after is not None
    assert after.selection is not None
    assert after.selection.patches == 4
    assert after.without("selection") == before
