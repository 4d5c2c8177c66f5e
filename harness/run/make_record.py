"""Puts the record of a run together: the one place where that happens."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch

from harness.core.components import Component
from harness.plan.runs import Run
from harness.records.record import (
    Cost,
    Epoch,
    Hardware,
    Ledger,
    Record,
    RecordedClass,
    RunError,
    parse_record,
)
from harness.run.environment import (
    describe_machine,
    git_state,
    package_versions,
    peak_memory_mib,
)
from harness.run.evaluation.outcome import ReportedTest, describe_details
from harness.run.network import Network
from harness.run.prepare import AnnotatedPart, DividedPatches


@dataclass(slots=True, eq=False)
class Findings:
    """What a run has found out so far, so that one that fails keeps it.

    Filled in as the run goes, by `perform` alone.
    """

    started: str
    """Date and time, UTC."""
    clock: float
    """When the run began, by the clock that times it."""
    data: DividedPatches | None = None
    annotated: AnnotatedPart | None = None
    prepare_seconds: float | None = None
    network: Network | None = None
    epochs: list[dict[str, Any]] = field(default_factory=list)
    train_seconds: float | None = None
    test: ReportedTest | None = None
    test_seconds: float | None = None


def begin_findings() -> Findings:
    """Start the clock of a run."""
    return Findings(started=_now(), clock=time.perf_counter())


def make_record(run: Run, findings: Findings, error: Exception | None) -> Record:
    """Put the record of a run together.

    Args:
        run: the run.
        findings: what it found out.
        error: why it failed, if it did.
    """
    record: dict[str, Any] = _describe_run(run)
    record["status"] = "ok" if error is None else "failed"
    if error is not None:
        record["error"] = _describe_error(error).as_json()
    if findings.data is not None:
        record["split"] = findings.data.recorded.as_json()
    if findings.annotated is not None:
        record["ledger"] = _complete_ledger(findings.annotated, findings.network).as_json()
    if findings.network is not None:
        record["hardware"] = findings.network.hardware.as_json()
        record["parameters"] = findings.network.parameters
    if findings.test is not None:
        record |= _describe_test(run, findings.test)
    record["history"] = [_describe_epoch(epoch).as_json() for epoch in findings.epochs]
    record["cost"] = _describe_cost(findings).as_json()
    return parse_record(record)


def make_abandoned_record(run: Run, reason: str) -> Record:
    """Make the record of a run whose process died: `reason` says how."""
    error = RunError(type="ProcessDied", message=reason, traceback="")
    return parse_record(
        {
            **_describe_run(run),
            "status": "failed",
            "error": error.as_json(),
            "history": [],
            "cost": Cost(started=_now()).as_json(),
        }
    )


def _describe_run(run: Run) -> dict[str, Any]:
    """Describe what is known before anything is computed."""
    scenario = run.scenario
    losses = [term.loss for term in run.method.terms]
    components = [scenario.dataset, scenario.model, *run.method.supervisions, *losses]
    classes = [
        RecordedClass(name=segmentation_class.name, color=list(segmentation_class.color))
        for segmentation_class in scenario.dataset.classes
    ]
    return {
        "schema_version": 1,
        "key": run.key,
        **run.title,
        "classes": [recorded.as_json() for recorded in classes],
        "mean_over": list(scenario.mean_over),
        "initialisation": scenario.model.initialisation,
        "settings": run.settings,
        "packages": package_versions(_distributions(components)),
        "git": git_state().as_json(),
        "machine": describe_machine().as_json(),
    }


def _distributions(components: list[Component]) -> set[str]:
    """Return the top-level packages that components come from."""
    return {type(component).__module__.partition(".")[0] for component in components}


def _describe_error(error: Exception) -> RunError:
    return RunError(
        type=type(error).__name__,
        message=str(error),
        traceback="".join(traceback.format_exception(error)),
    )


def _complete_ledger(annotated: AnnotatedPart, network: Network | None) -> Ledger:
    """Return the ledger, with the whole masks that select the network."""
    if network is None or network.selecting_masks is None:
        return annotated.ledger
    return annotated.ledger.changed(selection=network.selecting_masks.as_json())


def _describe_test(run: Run, test: ReportedTest) -> dict[str, Any]:
    fields: dict[str, Any] = {"test_evaluations": dict(test.evaluations)}
    if test.selection is not None:
        fields["selection"] = test.selection.as_json()
    else:
        # A floor learns nothing, and is computed by NumPy and scikit-learn.
        fields["hardware"] = Hardware(
            device="cpu", name=describe_machine().processor, precision="fp64", threads=1
        ).as_json()
        fields["parameters"] = 0
    radius = run.scenario.evaluation.boundary_radius
    return {
        **fields,
        **test.outcome.as_json(),
        "details": describe_details(test.result, radius).as_json(),
    }


def _describe_epoch(epoch: dict[str, Any]) -> Epoch:
    # Seconds differ from one run to the next, so they stand with the cost.
    return Epoch.model_validate({name: epoch[name] for name in epoch if name != "seconds"})


def _describe_cost(findings: Findings) -> Cost:
    fields: dict[str, Any] = {}
    if findings.prepare_seconds is not None:
        fields["prepare_seconds"] = round(findings.prepare_seconds, 3)
    if findings.train_seconds is not None:
        fields["train_seconds"] = round(findings.train_seconds, 3)
    if findings.test_seconds is not None:
        fields["test_seconds"] = round(findings.test_seconds, 3)
    if findings.network is not None and findings.network.hardware.device == "cuda":
        peak = torch.cuda.max_memory_allocated(findings.network.data.device) / 2**20
        fields["peak_device_memory_mib"] = round(peak, 1)
    fields["started"] = findings.started
    fields["seconds"] = round(time.perf_counter() - findings.clock, 3)
    fields["peak_memory_mib"] = peak_memory_mib()
    fields["epoch_seconds"] = [epoch["seconds"] for epoch in findings.epochs]
    return Cost.model_validate(fields)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
