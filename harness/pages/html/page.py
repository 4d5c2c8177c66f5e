"""Assembles a board's report, one HTML file that needs nothing else: no network, no other file, and
no script to be read."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.core.files import replace_file
from harness.leaderboard.analysis import Leaderboard, TrackTable
from harness.leaderboard.board import Board
from harness.pages.headline import (
    NOBODY_LISTED,
    ColumnName,
    tabulate_headline,
    tabulate_unlisted,
)
from harness.pages.html import charts
from harness.pages.html import report_tables as tables
from harness.pages.html import training_charts as epochs
from harness.pages.html.cite import sources
from harness.pages.html.gallery import Gallery, gallery
from harness.pages.html.run_facts import provenance
from harness.pages.notes import (
    UnfinishedRuns,
    find_caveats,
    find_unfinished,
    make_legend,
    to_plain_text,
)
from harness.pages.sections.all_sections import tabulate_sections
from harness.pages.sections.results import tabulate_classes
from harness.pages.table import Table

HEADLINE: tuple[ColumnName, ...] = (
    "method",
    "rank",
    "score",
    "seed plot",
    "difference",
    "ratio",
    "gap",
    "pixels",
    "hours",
    "published",
    "seeds",
)
"""The columns of the headline."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of one selection track. suffix: what sets the names of its charts and sections
    apart, where there are more."""

    track: str
    suffix: str
    headline: Table | None
    caveats: list[str]
    legend: list[str]
    unlisted: Table | None
    unfinished: UnfinishedRuns | None
    tables: list[Table]
    charts: list[charts.Chart]
    per_class: Table
    confusions: list[tuple[str, Table]]


CODE = re.compile("`([^`]+)`")


FIGURES = {"displayModeBar": False, "responsive": True, "displaylogo": False}


def write_report(leaderboard: Leaderboard, runs: Path, path: Path) -> None:
    """Writes the report of a leaderboard, with pictures from the folder of runs.

    Raises InputError without its extra, without a finished run, and where it cannot be written.
    """
    board = leaderboard.board
    if not board.finished:
        raise InputError(
            f"board {board.name!r} has no finished run to report:"
            f" `{board.header.command}` computes them"
        )
    replace_file(path, html_report(leaderboard, gallery(board, runs)))


def html_report(leaderboard: Leaderboard, shown: Gallery) -> str:
    """The page. Everything in it is escaped by Jinja; scripts are known to the browser by their
    hash, so no other one can run."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup, escape
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise InputError(
            f"harness report needs {error.name}: pip install 'weakseg-harness[report]'"
        ) from error
    loader = PackageLoader("harness.pages.html", "")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def prose(text: str) -> Markup:
        """Return escaped text whose `quoted` words are shown as code."""
        return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped first

    environment.filters["prose"] = prose
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    board, parts = leaderboard.board, _parts(leaderboard)
    figures = {
        chart.name: chart.figure | {"config": FIGURES} for part in parts for chart in part.charts
    }
    shared, methods = provenance(board)
    style = files("harness.pages.html").joinpath("report.css").read_text(encoding="utf-8")
    script = files("harness.pages.html").joinpath("report.js").read_text(encoding="utf-8")
    plotly = get_plotlyjs()
    return environment.get_template("page.html.j2").render(
        header=board.header,
        facts=_facts(board),
        command=board.header.command,
        smoke=board.is_smoke,
        nobody_listed=NOBODY_LISTED,
        parts=parts,
        gallery=shown,
        shared=shared,
        methods=methods,
        sources=sources(board),
        data={"charts": figures, "gallery": asdict(shown)},
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        plotly=Markup(plotly),  # noqa: S704 - a script, as it comes
        hashes=[_digest(script), _digest(plotly)],
    )


def _parts(leaderboard: Leaderboard) -> list[Part]:
    """A part for each selection track, since no table or drawing may hold rows of two."""
    return [
        _part(table, f"-{str(table.track).replace(':', '-')}" if leaderboard.has_tracks else "")
        for table in leaderboard.tables
    ]


def _part(table: TrackTable, suffix: str) -> Part:
    return Part(
        track=str(table.track),
        suffix=suffix,
        headline=tabulate_headline(table, HEADLINE),
        caveats=find_caveats(table),
        legend=[to_plain_text(sentence) for sentence in make_legend(table)],
        unlisted=tabulate_unlisted(table),
        unfinished=find_unfinished(table.board),
        tables=tabulate_sections(table, without=(tabulate_classes,)),
        charts=[replace(chart, name=f"{chart.name}{suffix}") for chart in _charts(table)],
        per_class=tabulate_classes(table),
        confusions=tables.confusions(table.board),
    )


def _charts(table: TrackTable) -> list[charts.Chart]:
    found = [
        charts.curve(table, "labelled_pixels", "labelled pixels"),
        charts.curve(table, "annotation_seconds", "annotation seconds"),
        epochs.training(table.board),
        epochs.validation(table.board),
    ]
    return [chart for chart in found if chart]


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _facts(board: Board) -> Mapping[str, Any]:
    """The few facts beside the title."""
    done = [record for record in board.records if record["status"] == "ok"]
    first = done[0]
    tested = sorted({len(record["confusion"]["images"]) for record in done})
    model = {
        key: value
        for key, value in first["settings"]["model"].items()
        if key in ("architecture", "encoder") and value
    }
    return {
        "data set": board.header["dataset"]["name"],
        "classes": ", ".join(entry["name"] for entry in first["classes"]),
        "test images": " or ".join(f"{count:,}" for count in tested),
        "network": " ".join([first["settings"]["model"]["name"], *map(str, model.values())]),
        "seeds": len(board.header["seeds"]),
        "protocol": first["settings"]["protocol"],
    }
