"""How a board's rows were made: the recipe of each method, and the set-up of its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.core.values import JsonObject
from harness.leaderboard.analysis import TrackTable
from harness.leaderboard.header import Header
from harness.leaderboard.statistics import DASH
from harness.pages.formats import count_nouns, format_setting
from harness.pages.table import Cell, Table
from harness.records.record import (
    ComponentSettings,
    FinishedRecord,
    GitState,
    LossSettings,
    RecordedSplit,
    RunSettings,
)

SHOWN_PACKAGES = ("torch", "segmentation-models-pytorch", "numpy", "weakseg-harness")
"""The packages whose versions are shown."""

USED_BY_SPLIT = {"official": ("by",), "leave-one-group-out": ("by", "seed")}
"""The settings of a split that its kind uses; other kinds use all."""


def tabulate_methods(table: TrackTable) -> Table | None:
    """Show the supervision and the loss of each method; None where no run has settings."""
    settings_of_method: dict[str, RunSettings] = {}
    for record in table.board.ordered:
        if record.settings is not None:
            settings_of_method.setdefault(record.method, record.settings)
    if not settings_of_method:
        return None
    methods = table.board.header.methods
    # A scenario may leave it to the names.
    has_about = any(method.about for method in methods)
    columns = ["method", "supervision", "loss"]
    if has_about:
        columns.append("about")
    lines = []
    for method in methods:
        # A method of which no run was made has none.
        settings = settings_of_method.get(method.name)
        supervision, loss = describe_method(settings) if settings else (DASH, DASH)
        texts = [method.name, supervision, loss]
        if has_about:
            texts.append(method.about)
        lines.append(tuple(map(Cell, texts)))
    words = tuple(columns)
    return Table("Methods: supervision and loss", words, tuple(lines), words)


def describe_method(settings: RunSettings) -> tuple[str, str]:
    """Describe the supervision of a method, and its loss or the floor that it is."""
    supervision = " and ".join(map(_describe_component, settings.supervision)) or "whole masks"
    if settings.trains_on == "validation":
        supervision += ", of the validation part"
    if settings.floor:
        return supervision, f"floor: {settings.floor}"
    loss = " + ".join(map(_describe_term, settings.loss))
    return supervision, loss or DASH


def tabulate_setup(table: TrackTable) -> Table | None:
    """Show how the runs were made; None where none has finished."""
    finished = table.board.finished
    if not finished:
        return None
    facts = _collect_facts(finished, table.board.header)
    lines = tuple((Cell(name), Cell(fact)) for name, fact in facts.items())
    return Table("How it was made", ("what", "value"), lines, words=("value",))


def _collect_facts(finished: Sequence[FinishedRecord], header: Header) -> Mapping[str, str]:
    """Return what the runs of a board share, and where they differ, every alternative."""
    # Runs whose data, patches, split or training differ cannot stand in one table.
    first = finished[0]
    settings = first.settings
    dataset = (
        f"{settings.dataset.name} ({_list_settings(settings.dataset.fields) or 'no settings'})"
    )
    model = f"{settings.model.name} ({_list_settings(settings.model.fields)})"
    # Floors have no network.
    parameters = max(record.parameters for record in finished)
    patches = _list_settings(settings.patches.model_dump(mode="json", exclude_unset=True))
    training = _list_settings(settings.training.model_dump(mode="json", exclude_unset=True))
    sizes = _join_distinct(map(_describe_parts, finished))
    return {
        "data set": f"{dataset}; {header.dataset.source}; licence: {header.dataset.licence}",
        "mean over": ", ".join(first.mean_over),
        "patches": patches,
        "split": (
            f"{_list_split_settings(settings.split)};"
            f" patches for training / validation / test: {sizes}"
        ),
        "model": f"{model}, {parameters:,} parameters",
        "initialisation": _join_distinct(record.initialisation for record in finished),
        "training": training,
        "hardware": _join_distinct(map(_describe_hardware, finished)),
        "versions": _join_distinct(map(_describe_versions, finished)),
        "recorded at": _describe_commits(finished),
        "protocol": str(settings.protocol),
    }


def _describe_component(component: ComponentSettings) -> str:
    settings = _list_settings(component.fields)
    return f"{component.name} ({settings})" if settings else component.name


def _describe_term(loss: LossSettings) -> str:
    """Describe a loss with its weight, and the part of training over which that rises."""
    term = _describe_component(loss)
    if loss.weight != 1:
        term = f"{format_setting(loss.weight)} × {term}"
    if loss.ramp:
        term += f", its weight rising over the first {100 * loss.ramp:g} % of training"
    return term


def _list_settings(settings: JsonObject) -> str:
    return ", ".join(f"{name} {format_setting(value)}" for name, value in settings.items())


def _join_distinct(descriptions: Iterable[str]) -> str:
    # A dictionary, unlike a set, keeps the order of the runs.
    return "; ".join(dict.fromkeys(descriptions))


def _list_split_settings(split: RecordedSplit) -> str:
    # As it was recorded: a default of today may not be that of the run.
    settings = split.model_dump(mode="json", exclude_unset=True)
    used = {}
    for name in USED_BY_SPLIT.get(split.by, settings):
        if settings.get(name) is not None:
            used[name] = settings[name]
    return _list_settings(used)


def _describe_parts(record: FinishedRecord) -> str:
    split = record.split
    return f"{split.train.patches} / {split.validation.patches} / {split.test.patches}"


def _describe_hardware(record: FinishedRecord) -> str:
    hardware = record.hardware
    return f"{hardware.device}: {hardware.name}, {hardware.precision}"


def _describe_versions(record: FinishedRecord) -> str:
    versions = []
    for name in SHOWN_PACKAGES:
        if name in record.packages:
            versions.append(f"{name} {record.packages[name]}")
    return ", ".join(versions)


def _describe_commits(finished: Sequence[FinishedRecord]) -> str:
    """Describe the commits that the runs were computed at, and count the runs of each."""
    runs_at = Counter(_describe_commit(record.git) for record in finished)
    return "; ".join(f"{commit}: {count_nouns(runs, 'run')}" for commit, runs in runs_at.items())


def _describe_commit(git: GitState | None) -> str:
    if git is None or not git.commit:
        return "no commit is known"
    commit = git.commit[:12]
    if git.changes:
        return f"{commit} with uncommitted changes {git.changes[:12]}"
    return f"{commit} without uncommitted changes"
