"""The first line of a records file: the board, and what was planned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationError

from harness.leaderboard.published import published_scores
from harness.records.checks import find_contradiction, first_mistake, repeated
from harness.records.record import Count, Fields, Name, Record
from harness.scenario.published import SCORE_PATTERN, Published
from harness.scenario.scenario import Scenario


class DatasetFacts(Fields):
    """What a page says of the data set."""

    name: Name
    """The name that a scenario calls it by."""
    source: str
    """Who published it, and where."""
    licence: str
    """The licence of the images and masks."""
    citation: str = ""
    """What to cite, if it is known."""


class PlannedMethod(Fields):
    """A method of the scenario."""

    name: Name
    """Its name in the scenario."""
    about: str
    """One line for the leaderboard."""


class Header(Fields):
    """The board, and what was planned. Fields stand in the order in which they are written."""

    board: Name
    """The stem of its files."""
    scenario: Name
    """The name of the scenario."""
    about: str
    """What is compared and why."""
    profile: str | None
    """The profile of the scenario; null without one."""
    overrides: list[str]
    """What `--set` changed."""
    dataset: DatasetFacts
    """Where the images are from."""
    reference: str
    """The method that every other one is compared with."""
    methods: Annotated[list[PlannedMethod], Field(min_length=1)]
    """The methods, in the order of the scenario."""
    seeds: Annotated[list[Count], Field(min_length=1)]
    """The seeds of every method."""
    changes: list[str] = Field(default_factory=list)
    """What the profile sets, as `--set` would."""
    published: Published | None
    """What a source reports."""

    @property
    def method_names(self) -> list[str]:
        """The names of the methods, in the order of the scenario."""
        return [method.name for method in self.methods]

    @property
    def is_smoke(self) -> bool:
        """Whether the board says that things run, and nothing else."""
        return "smoke" in (self.profile, self.scenario)

    @property
    def command(self) -> str:
        """The command that computes the runs of the board."""
        words = ["harness run", f"scenarios/{self.scenario}.yaml"]
        if self.profile:
            words.append(f"--profile {self.profile}")
        words += [f"--set {setting}" for setting in self.overrides]
        return " ".join(words)


def describe(scenario: Scenario) -> Header:
    """Make the header of a scenario's board."""
    dataset = scenario.dataset
    facts = DatasetFacts(name=dataset.name, source=dataset.source, licence=dataset.licence)
    # Left out and not written empty, since headers are older than citations.
    if dataset.citation:
        facts = facts.changed(citation=dataset.citation)
    methods = []
    for method in scenario.methods:
        methods.append(PlannedMethod(name=method.name, about=method.about))
    return Header(
        board=scenario.board,
        scenario=scenario.name,
        about=scenario.about,
        profile=scenario.profile,
        overrides=list(scenario.overrides),
        dataset=facts,
        reference=scenario.reference,
        methods=methods,
        seeds=list(scenario.seeds),
        changes=list(scenario.changes),
        published=scenario.published,
    )


def parse_header(value: Any, stem: str) -> Header:
    """Make a header of the first line of a file.

    Args:
        value: the JSON of the line.
        stem: the name of the file without its ending, which the board must have.

    Raises:
        ValueError: saying what is wrong with the line.
    """
    if not isinstance(value, dict) or "board" not in value:
        raise ValueError("the first line must describe the board")
    try:
        header = Header.model_validate(value)
    except ValidationError as error:
        raise ValueError(first_mistake(error)) from error
    # The board names the files that are written: one from elsewhere could lead out of the folder.
    if header.board != stem:
        raise ValueError(f"board: {header.board!r} is not the name of the file")
    _refuse_repetition("methods", header.method_names)
    _refuse_repetition("seeds", header.seeds)
    if header.reference not in header.method_names:
        raise ValueError(f"reference: {header.reference!r} is not one of the methods")
    _refuse_unknown_scores(header)
    return header


def _refuse_unknown_scores(header: Header) -> None:
    """Raise ValueError for a published score that is not one of ours."""
    if header.published is None:
        return
    for method in header.published.values:
        for score in published_scores(header.published, method):
            if not re.match(SCORE_PATTERN, score):
                raise ValueError(f"published: {score!r} of {method!r} is no score")


def _refuse_repetition(field: str, values: Sequence[str | int]) -> None:
    twice = repeated(values)
    if twice:
        raise ValueError(f"{field}: {twice[0]!r} occurs twice")


def find_problem(record: Record, header: Header) -> str | None:
    """Say what is wrong with a record by itself, or as a run of the board, if anything is."""
    is_planned = record.method in header.method_names and record.seed in header.seeds
    if not is_planned:
        return f"the first line plans no run of {record.method!r} with seed {record.seed}"
    return _find_other_origin(record, header) or find_contradiction(record)


def _find_other_origin(record: Record, header: Header) -> str | None:
    """Say in which field a record belongs to another board or run.

    A field that an older record lacks says nothing.
    """
    claims: list[tuple[str, Any, Any]] = []
    # By the set of given fields and not by None: without a profile, null is what a record says.
    if "scenario" in record.model_fields_set:
        claims.append(("scenario", record.scenario, header.scenario))
    if "profile" in record.model_fields_set:
        claims.append(("profile", record.profile, header.profile))
    if "overrides" in record.model_fields_set:
        claims.append(("overrides", record.overrides, header.overrides))
    settings = record.settings
    if settings is not None:
        if "profile" in settings.model_fields_set:
            claims.append(("settings.profile", settings.profile, header.profile))
        if "seed" in settings.model_fields_set:
            claims.append(("settings.seed", settings.seed, record.seed))
        # The name alone: another version of the data set makes a result stale, and not foreign.
        claims.append(("settings.dataset.name", settings.dataset.name, header.dataset.name))
    for field, stated, expected in claims:
        if stated != expected:
            return f"{field}: {stated!r} is not {expected!r}, as the rest of the file has it"
    return None
