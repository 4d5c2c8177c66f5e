"""Assemble a board's report: one HTML file that needs no network, no other file, and no script to
be read.

Names in it come from scenarios and records, which anybody may have written. Three things keep them
from doing anything, and none of them alone: Jinja escapes every value; the data for the page's
script is JSON that cannot end its element; and the Content-Security-Policy lets the browser load
nothing and run only scripts whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import InputError
from harness.core.files import replace_file
from harness.leaderboard.analysis import Leaderboard, TrackTable
from harness.leaderboard.board import Board
from harness.leaderboard.header import Header
from harness.pages.curve import DARK_PALETTE, PALETTE
from harness.pages.headline import (
    NOBODY_LISTED,
    ColumnName,
    tabulate_headline,
    tabulate_unlisted,
)
from harness.pages.html.charts import Chart, draw_curve
from harness.pages.html.cite import list_citations
from harness.pages.html.gallery import Gallery, make_gallery
from harness.pages.html.pictures import WRONG, css_color
from harness.pages.html.report_tables import tabulate_confusions
from harness.pages.html.run_facts import collect_run_facts
from harness.pages.html.training_charts import draw_training_loss, draw_validation
from harness.pages.notes import (
    Emphasis,
    Sentence,
    UnfinishedRuns,
    find_caveats,
    find_unfinished,
    make_legend,
)
from harness.pages.sections.all_sections import tabulate_sections
from harness.pages.sections.results import tabulate_classes
from harness.pages.table import Table

if TYPE_CHECKING:
    # Both belong to an extra, and are imported where a page is made.
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATE_PACKAGE = "harness.pages.html"
"""Where template, style and script are."""

HEADLINE_COLUMNS: tuple[ColumnName, ...] = (
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

PLOTLY_OPTIONS = {"displayModeBar": False, "responsive": True, "displaylogo": False}

CODE_TEXT = re.compile("`([^`]+)`")


@dataclass(frozen=True, slots=True)
class TrackSections:
    """The sections of a page about one selection track."""

    track: str
    suffix: str
    """Sets their ids apart from those of other tracks; empty where there is one track."""
    headline: Table | None
    """None where no method has enough seeds."""
    caveats: list[str]
    legend: list[Sentence]
    unlisted: Table | None
    unfinished: UnfinishedRuns | None
    tables: list[Table]
    """Those that are folded."""
    charts: list[Chart]
    classes: Table
    confusions: dict[str, Table]
    """By method."""


@dataclass(frozen=True, slots=True)
class InlineScripts:
    """The scripts of a page, which stand in it as they are."""

    page: str
    """Our own."""
    plotly: str
    """The library that draws charts. The page's script runs it when the first chart is near."""

    @property
    def hashes(self) -> list[str]:
        """The hashes by which the policy of the page allows them."""
        return [_hash_script(self.page), _hash_script(self.plotly)]


def write_report(leaderboard: Leaderboard, runs: Path, path: Path) -> None:
    """Write the report of a leaderboard.

    Args:
        leaderboard: what it shows.
        runs: the folder of runs, for their pictures.
        path: the file to write.

    Raises:
        InputError: without the extra `report`, without a finished run, where what a run stored is
            damaged, and where the file cannot be written.
    """
    board = leaderboard.board
    if not board.finished:
        raise InputError(
            f"board {board.name!r} has no finished run to report:"
            f" `{board.header.command}` computes them"
        )
    gallery = make_gallery(leaderboard, runs)
    replace_file(path, make_page(leaderboard, gallery))


def make_page(leaderboard: Leaderboard, gallery: Gallery) -> str:
    """Make the HTML of a report.

    Args:
        leaderboard: what it shows.
        gallery: the pictures of its runs.

    Raises:
        InputError: without the extra `report`.
    """
    try:
        from markupsafe import Markup
        from plotly.offline import get_plotlyjs

        environment = _make_environment()
    except ImportError as error:
        raise InputError(
            f"harness report needs {error.name}: pip install 'weakseg-harness[report]'"
        ) from error
    board = leaderboard.board
    scripts = InlineScripts(_read_part("report.js"), get_plotlyjs())
    tracks = [
        _make_track_sections(table, has_others=leaderboard.has_tracks)
        for table in leaderboard.tables
    ]
    return environment.get_template("page.html.j2").render(
        title=_make_html_title(board.header),
        header=board.header,
        facts=_list_facts(board),
        tracks=tracks,
        nobody_listed=NOBODY_LISTED,
        gallery=gallery,
        run_facts=collect_run_facts(board),
        citations=list_citations(board),
        script_data={"charts": _collect_figures(tracks), "gallery": asdict(gallery)},
        palette=PALETTE,
        dark_palette=DARK_PALETTE,
        wrong_color=css_color(WRONG),
        style=Markup(_read_part("report.css")),  # noqa: S704 - our own file
        page_script=Markup(scripts.page),  # noqa: S704 - our own file
        plotly_script=Markup(scripts.plotly),  # noqa: S704 - a script, as it comes
        script_hashes=scripts.hashes,
    )


def _make_environment() -> Environment:
    """Make the Jinja environment that escapes every value of a template."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(TEMPLATE_PACKAGE, ""),
        autoescape=True,
        # A name that a template misspells is a mistake, not an empty text.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(prose=_show_prose, sentence=_sentence_to_html)
    # NaN is not JSON: the browser would refuse all of it.
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment


def _show_prose(text: str) -> Markup:
    """Return escaped text whose `quoted` words are shown as code."""
    from markupsafe import Markup, escape

    marked = CODE_TEXT.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(marked)  # noqa: S704 - escaped first


def _sentence_to_html(sentence: Sentence) -> Markup:
    """Return an escaped sentence, its names emphasised."""
    from markupsafe import Markup

    shown = Markup()
    for part in sentence:
        if isinstance(part, Emphasis):
            # `format` of Markup escapes what it inserts.
            shown += Markup("<em>{}</em>").format(part.text)
        else:
            shown += _show_prose(part)
    return shown


def _read_part(name: str) -> str:
    return files(TEMPLATE_PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _hash_script(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return base64.b64encode(digest).decode()


def _make_track_sections(table: TrackTable, has_others: bool) -> TrackSections:
    """Make what a page says of one track: no table and no drawing may hold rows of two."""
    suffix = f"-{table.track}".replace(":", "-") if has_others else ""
    charts = [replace(chart, name=f"{chart.name}{suffix}") for chart in _draw_charts(table)]
    return TrackSections(
        track=str(table.track),
        suffix=suffix,
        headline=tabulate_headline(table, HEADLINE_COLUMNS),
        caveats=find_caveats(table),
        legend=make_legend(table),
        unlisted=tabulate_unlisted(table),
        unfinished=find_unfinished(table.board),
        # Classes have a section of their own.
        tables=tabulate_sections(table, without=(tabulate_classes,)),
        charts=charts,
        classes=tabulate_classes(table),
        confusions=tabulate_confusions(table.board),
    )


def _draw_charts(table: TrackTable) -> list[Chart]:
    charts = [
        draw_curve(table, "labelled_pixels"),
        draw_curve(table, "annotation_seconds"),
        draw_training_loss(table),
        draw_validation(table),
    ]
    return [chart for chart in charts if chart is not None]


def _collect_figures(tracks: Sequence[TrackSections]) -> Mapping[str, object]:
    """Collect the figures that the page's script draws, by the names of charts."""
    figures = {}
    for track in tracks:
        for chart in track.charts:
            figures[chart.name] = {**chart.figure, "config": PLOTLY_OPTIONS}
    return figures


def _make_html_title(header: Header) -> str:
    if header.is_smoke:
        return f"{header.board}: a smoke test, not a result"
    if header.profile:
        return f"{header.scenario}, profile {header.profile}"
    return header.scenario


def _list_facts(board: Board) -> dict[str, str]:
    """List the few facts that stand below the title."""
    first = board.finished[0]
    settings = first.settings
    image_counts = {len(record.confusion.images) for record in board.finished}
    network = [settings.model.name]
    for name in ("architecture", "encoder"):
        value = settings.model.fields.get(name)
        if value:
            network.append(str(value))
    return {
        "data set": board.header.dataset.name,
        "classes": ", ".join(first.class_names),
        "test images": " or ".join(f"{count:,}" for count in sorted(image_counts)),
        "network": " ".join(network),
        "seeds": str(len(board.header.seeds)),
        "protocol": str(settings.protocol),
    }
