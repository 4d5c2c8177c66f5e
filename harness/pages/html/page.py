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
from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.leaderboard.budgets import budget_curves
from harness.leaderboard.rows import Row, named_floor
from harness.leaderboard.selection_tracks import split_by_track
from harness.leaderboard.statistics import DIGITS
from harness.pages.caveats import caveats, notes, varied
from harness.pages.html import charts
from harness.pages.html import report_tables as tables
from harness.pages.html import training_charts as epochs
from harness.pages.html.cite import sources
from harness.pages.html.gallery import Gallery, gallery
from harness.pages.html.run_facts import provenance
from harness.pages.sections import all_sections
from harness.pages.sections import results as sections
from harness.pages.table import Table


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of one selection track. suffix: what sets the names of its charts and sections
    apart, where there are more."""

    track: str
    suffix: str
    headline: Table | None
    floor: str
    unranked: bool
    caveats: list[str]
    varied: str
    notes: list[str]
    unlisted: Table | None
    unfinished: list[str]
    tables: list[Table]
    charts: list[charts.Chart]
    per_class: Table
    confusions: list[tuple[str, Table]]


CODE = re.compile("`([^`]+)`")


FIGURES = {"displayModeBar": False, "responsive": True, "displaylogo": False}


def write_report(board: Board, runs: Path, path: Path) -> None:
    """Writes the report of a board, with pictures from the folder of runs.

    Raises InputError without its extra, without a finished run, and where it cannot be written.
    """
    if not any(record["status"] == "ok" for record in board.records):
        raise InputError(
            f"board {board.header['board']!r} has no finished run to report:"
            f" `{_command(board.header)}` computes them"
        )
    replace_file(path, html_report(board, gallery(board, runs)))


def _command(header: Mapping[str, Any]) -> str:
    """What computes the runs of a board."""
    profile = f" --profile {header['profile']}" if header["profile"] else ""
    return f"harness run scenarios/{header['scenario']}.yaml{profile}" + "".join(
        f" --set {setting}" for setting in header["overrides"]
    )


def html_report(board: Board, shown: Gallery) -> str:
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
    parts = _parts(board)
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
        command=_command(board.header),
        smoke=board.header.is_smoke,
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


def _parts(board: Board) -> list[Part]:
    """A part for each selection track, since no table or drawing may hold rows of two."""
    found = split_by_track(board)
    return [
        _part(own, str(track), f"-{str(track).replace(':', '-')}" if len(found) > 1 else "")
        for track, own in found.items()
    ]


def _part(board: Board, track: str, suffix: str) -> Part:
    table = analyse(board).rows
    listed, unlisted = _listed(board, table)
    return Part(
        track=track,
        suffix=suffix,
        headline=(
            tables.headline(board, listed) if any(row.role != "floor" for row in listed) else None
        ),
        floor=named_floor(board),
        unranked=any(row.standing == "unranked" for row in table),
        caveats=caveats(board, table),
        varied=varied(board),
        notes=notes(board),
        unlisted=sections.by_seed(board, unlisted) if unlisted else None,
        unfinished=tables.unfinished(board),
        tables=all_sections.every(board, table, classes=False),
        charts=[replace(chart, name=f"{chart.name}{suffix}") for chart in _charts(board, table)],
        per_class=sections.per_class(table),
        confusions=tables.confusions(board),
    )


def _listed(board: Board, table: list[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of the headline, by mean mIoU, and those with too few seeds for it; of a smoke test
    all rows, as the scenario has them."""
    if board.header.is_smoke:
        return table, []
    listed = [row for row in table if row.standing != "unlisted"]
    return sorted(listed, key=lambda row: -round(row.scores.mean_miou.mean, DIGITS)), [
        row for row in table if row.standing == "unlisted"
    ]


def _charts(board: Board, table: list[Row]) -> list[charts.Chart]:
    measured = budget_curves(board)
    found = [
        charts.curve(board, table, "labelled_pixels", "labelled pixels", measured),
        charts.curve(board, table, "annotation_seconds", "annotation seconds", measured),
        epochs.training(board),
        epochs.validation(board),
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
