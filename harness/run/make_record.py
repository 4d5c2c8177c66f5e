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

SECOND_DECIMALS = 3
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
    data, annotated = findings.data, findings.annotated
    network, test = findings.network, findings.test
    return parse_record(
        {
            **_describe_plan(run),
            **_drop_unknown(
                status="ok" if error is None else "failed",
                error=_describe_error(error) if error is not None else None,
                split=data.recorded if data is not None else None,
                ledger=_complete_ledger(annotated, network) if annotated is not None else None,
                history=[_to_recorded_epoch(result) for result in findings.epochs],
                # As JSON: what finished and what failed have different types for it.
                cost=_describe_cost(findings).as_json(),
            ),
            **_describe_network(run, network),
            **(_describe_test(run, test) if test is not None else {}),
        }
    )


def make_abandoned_record(run: Run, reason: str) -> Record:
    """Make the record of a run whose process died.

    Args:
        run: the run.
        reason: how its process died.
    """
    return parse_record(
        {
            **_describe_plan(run),
            "status": "failed",
            "error": RunError(type="ProcessDied", message=reason, traceback=""),
            "history": [],
            # When it began, and how long it took, died with the process.
            "cost": Cost(started=_now()).as_json(),
        }
    )


def _drop_unknown(**fields: Any) -> dict[str, Any]:
    """Return the fields that are known.

    What a run did not reach is absent from its record, not null: 0 seconds, for one, would count
    in means over runs.
    """
    return {name: value for name, value in fields.items() if value is not None}


def _describe_plan(run: Run) -> dict[str, Any]:
    """Describe what is known before anything is computed."""
    scenario = run.scenario
    losses = [term.loss for term in run.method.terms]
    components = [scenario.dataset, scenario.model, *run.method.supervisions, *losses]
    classes = [
        RecordedClass(name=segmentation_class.name, color=list(segmentation_class.color))
        for segmentation_class in scenario.dataset.classes
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "key": run.key,
        **run.title.as_json(),
        "classes": classes,
        "mean_over": list(scenario.mean_over),
        "initialisation": scenario.model.initialisation,
        "settings": run.settings,
        "packages": package_versions(_find_packages(components)),
        "git": git_state(),
        "machine": describe_machine(),
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


def _describe_network(run: Run, network: Network | None) -> dict[str, Any]:
    """Describe what was trained, and on what."""
    if run.method.floor:
        # A floor learns nothing, and is computed by NumPy and scikit-learn.
        processor = describe_machine().processor
        hardware = Hardware(device="cpu", name=processor, precision="fp64", threads=1)
        return {"hardware": hardware, "parameters": 0}
    if network is None:
        return {}
    return {"hardware": network.hardware, "parameters": network.parameters}


def _describe_test(run: Run, test: ReportedTest) -> dict[str, Any]:
    radius = run.scenario.evaluation.boundary_radius
    return _drop_unknown(
        test_evaluations=dict(test.evaluations),
        selection=test.selection,
        confusion=test.outcome.confusion,
        metrics=test.outcome.metrics,
        details=describe_details(test.result, radius),
    )


def _to_recorded_epoch(result: EpochResult) -> Epoch:
    fields = result.as_event()
    # Seconds differ from one run to the next, so they stand with the cost.
    fields.pop("seconds")
    return Epoch.model_validate(fields)


def _describe_cost(findings: Findings) -> Cost:
    return Cost(
        **_drop_unknown(
            prepare_seconds=_round_seconds(findings.prepare_seconds),
            train_seconds=_round_seconds(findings.train_seconds),
            test_seconds=_round_seconds(findings.test_seconds),
            peak_device_memory_mib=_measure_device_memory(findings.network),
            started=findings.started,
            seconds=_round_seconds(time.perf_counter() - findings.clock),
            peak_memory_mib=peak_memory_mib(),
            epoch_seconds=[result.seconds for result in findings.epochs],
        )
    )


def _round_seconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, SECOND_DECIMALS)


def _measure_device_memory(network: Network | None) -> float | None:
    """Return the largest memory that a GPU needed, in MiB; None where there was none."""
    if network is None or network.hardware.device != "cuda":
        return None
    peak = torch.cuda.max_memory_allocated(network.data.device)
    return round(peak / 2**20, 1)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
