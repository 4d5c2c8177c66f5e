"""The first line of a records file: the board, and what was planned."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from harness.records.checks import _mistyped, _twice
from harness.records.record import Count, Name, _Part
from harness.scenario.published import Published


class _DataSet(_Part):
    name: Name
    source: str
    licence: str
    citation: str = ""


class _Entry(_Part):
    name: Name
    about: str


class Header(_Part):
    """The first line: the board, and what was planned."""

    board: Name
    scenario: Name
    about: str
    profile: str | None
    overrides: list[str]
    dataset: _DataSet
    reference: str
    methods: Annotated[list[_Entry], Field(min_length=1)]
    seeds: Annotated[list[Count], Field(min_length=1)]
    published: Published | None


def problem_of_header(header: Any, stem: str) -> str | None:
    """What is wrong with the first line of the file of that stem, if anything is."""
    if not isinstance(header, dict) or "board" not in header:
        return "the first line must describe the board"
    if found := _mistyped(Header, header):
        return found
    if header["board"] != stem:  # it names the files that are written
        return f"board: {header['board']!r} is not the name of the file"
    names = [entry["name"] for entry in header["methods"]]
    for field, values in (("methods", names), ("seeds", header["seeds"])):
        if twice := _twice(values):
            return f"{field}: {twice[0]!r} occurs twice"
    return (
        None
        if header["reference"] in names
        else f"reference: {header['reference']!r} is not one of the methods"
    )
