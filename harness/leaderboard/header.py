"""The first line of a records file: the board, and what was planned."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError

from harness.records.checks import find_contradiction, first_mistake, repeated
from harness.records.record import Count, Fields, Name, Record
from harness.scenario.published import Published
from harness.scenario.scenario import Scenario


class DatasetFacts(Fields):
    """What a page says of the data set."""

    name: Name
    source: str
    licence: str
    citation: str = ""


class PlannedMethod(Fields):
    """A method of the scenario."""

    name: Name
    about: str


class Header(Fields):
    """The board, and what was planned. Fields stand in the order in which they are written."""

    board: Name
    """The stem of its files."""
    scenario: Name
    about: str
    profile: str | None
    overrides: list[str]
    """What `--set` changed."""
    dataset: DatasetFacts
    reference: str
    """The method that every other one is compared with."""
    methods: Annotated[list[PlannedMethod], Field(min_length=1)]
    seeds: Annotated[list[Count], Field(min_length=1)]
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
    facts = {"name": dataset.name, "source": dataset.source, "licence": dataset.licence}
    if dataset.citation:
        facts["citation"] = dataset.citation
    return Header(
        board=scenario.board,
        scenario=scenario.name,
        about=scenario.about,
        profile=scenario.profile,
        overrides=list(scenario.overrides),
        dataset=DatasetFacts.model_validate(facts),
        reference=scenario.reference,
        methods=[
            PlannedMethod(name=method.name, about=method.about) for method in scenario.methods
        ],
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
    if header.board != stem:  # it names the files that are written
        raise ValueError(f"board: {header.board!r} is not the name of the file")
    for field, values in (("methods", header.method_names), ("seeds", header.seeds)):
        twice = repeated(values)
        if twice:
            raise ValueError(f"{field}: {twice[0]!r} occurs twice")
    if header.reference not in header.method_names:
        raise ValueError(f"reference: {header.reference!r} is not one of the methods")
    return header


def find_problem(record: Record, header: Header) -> str | None:
    """Say what is wrong with a record by itself, or as a run of the board, if anything is."""
    if record.method not in header.method_names or record.seed not in header.seeds:
        return f"the first line plans no run of {record.method!r} with seed {record.seed}"
    return _find_other_origin(record, header) or find_contradiction(record)


def _find_other_origin(record: Record, header: Header) -> str | None:
    """Say in which field a record belongs to another board or run.

    A field that an older record lacks says nothing.
    """
    claims: list[tuple[str, Any, Any]] = []
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
        claims.append(("settings.dataset.name", settings.dataset.name, header.dataset.name))
    for field, stated, expected in claims:
        if stated != expected:
            return f"{field}: {stated!r} is not {expected!r}, as the rest of the file has it"
    return None
