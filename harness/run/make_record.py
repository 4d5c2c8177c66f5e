"""Put the record of a run together: the one place where that happens."""

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
    SCHEMA_VERSION,
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
from harness.run.train import EpochResult

DIGITS = 3
"""Decimals of seconds."""


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
    """The patches and their split."""
    annotated: AnnotatedPart | None = None
    """The weak labels of the training part."""
    prepare_seconds: float | None = None
    """What it took to get this far."""
    network: Network | None = None
    """None for a floor."""
    epochs: list[EpochResult] = field(default_factory=list)
    """Those that have ended."""
    train_seconds: float | None = None
    """What all epochs took, and what followed them."""
    test: ReportedTest | None = None
    """The test that is reported."""
    test_seconds: float | None = None
    """What all tests took."""


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
    # Collected as JSON and parsed at the end: a field that a failed run lacks is absent from its
    # record, and the record is checked like one that is read from disk.
    record = _describe_run(run)
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
        record.update(_describe_test(run, findings.test))
    record["history"] = [_describe_epoch(result).as_json() for result in findings.epochs]
    record["cost"] = _describe_cost(findings).as_json()
    return parse_record(record)


def make_abandoned_record(run: Run, reason: str) -> Record:
    """Make the record of a run whose process died.

    Args:
        run: the run.
        reason: how its process died.
    """
    error = RunError(type="ProcessDied", message=reason, traceback="")
    record = _describe_run(run)
    record["status"] = "failed"
    record["error"] = error.as_json()
    record["history"] = []
    # When it began, and how long it took, died with the process.
    record["cost"] = Cost(started=_now()).as_json()
    return parse_record(record)


def _describe_run(run: Run) -> dict[str, Any]:
    """Describe what is known before anything is computed."""
    scenario = run.scenario
    losses = [term.loss for term in run.method.terms]
    components = [scenario.dataset, scenario.model, *run.method.supervisions, *losses]
    packages = package_versions(_find_packages(components))
    classes: list[dict[str, Any]] = []
    for segmentation_class in scenario.dataset.classes:
        recorded = RecordedClass(name=segmentation_class.name, color=list(segmentation_class.color))
        classes.append(recorded.as_json())
    return {
        "schema_version": SCHEMA_VERSION,
        "key": run.key,
        **run.title.as_json(),
        "classes": classes,
        "mean_over": list(scenario.mean_over),
        "initialisation": scenario.model.initialisation,
        "settings": run.settings,
        "packages": packages,
        "git": git_state().as_json(),
        "machine": describe_machine().as_json(),
    }


def _find_packages(components: list[Component]) -> set[str]:
    """Return the top-level packages that components come from."""
    packages: set[str] = set()
    for component in components:
        package, _, _ = type(component).__module__.partition(".")
        packages.add(package)
    return packages


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
    return annotated.ledger.changed(selection=network.selecting_masks)


def _describe_test(run: Run, test: ReportedTest) -> dict[str, Any]:
    fields: dict[str, Any] = {"test_evaluations": dict(test.evaluations)}
    if test.selection is not None:
        fields["selection"] = test.selection.as_json()
    else:
        # A floor learns nothing, and is computed by NumPy and scikit-learn.
        hardware = Hardware(
            device="cpu", name=describe_machine().processor, precision="fp64", threads=1
        )
        fields["hardware"] = hardware.as_json()
        fields["parameters"] = 0
    fields.update(test.outcome.as_json())
    radius = run.scenario.evaluation.boundary_radius
    fields["details"] = describe_details(test.result, radius).as_json()
    return fields


def _describe_epoch(result: EpochResult) -> Epoch:
    fields = result.as_event()
    # Seconds differ from one run to the next, so they stand with the cost.
    del fields["seconds"]
    return Epoch.model_validate(fields)


def _describe_cost(findings: Findings) -> Cost:
    fields: dict[str, Any] = {}
    # What a run did not reach is absent: 0 seconds would count in means over runs.
    if findings.prepare_seconds is not None:
        fields["prepare_seconds"] = round(findings.prepare_seconds, DIGITS)
    if findings.train_seconds is not None:
        fields["train_seconds"] = round(findings.train_seconds, DIGITS)
    if findings.test_seconds is not None:
        fields["test_seconds"] = round(findings.test_seconds, DIGITS)
    network = findings.network
    if network is not None and network.hardware.device == "cuda":
        peak = torch.cuda.max_memory_allocated(network.data.device)
        fields["peak_device_memory_mib"] = round(peak / 2**20, 1)
    fields["started"] = findings.started
    fields["seconds"] = round(time.perf_counter() - findings.clock, DIGITS)
    fields["peak_memory_mib"] = peak_memory_mib()
    fields["epoch_seconds"] = [result.seconds for result in findings.epochs]
    return Cost.model_validate(fields)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
