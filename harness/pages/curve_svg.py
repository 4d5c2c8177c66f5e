"""The curve of a board as a small SVG to stand beside its Markdown.

It is written as text, and not by a drawing library, so that any version of any library gives the
same bytes: the drawing is committed, and compared with its records.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.leaderboard.analysis import TrackTable
from harness.pages.curve import (
    DARK_PALETTE,
    PALETTE,
    DrawnCurve,
    DrawnFamily,
    DrawnLevel,
    DrawnPoint,
    Marker,
    choose_log_ticks,
    format_tick,
    make_curve,
    shorten,
)

# All in pixels, from the upper left corner.
WIDTH = 640
LEFT = 48
RIGHT = 588
TOP = 40
BOTTOM = 262
LEGEND = 328
LINE_HEIGHT = 20
TEXT_LEFT = 12
ASIDE_PIXELS = 7
"""Between points that would cover one another."""

LETTER = 7
"""About as wide as a letter of the font."""

LEGEND_NAME_LENGTH = 40

SCORE_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
"""Between the ticks of scores, in %."""

MOST_STEPS = 6

MARKER_PATHS: Mapping[Marker, str] = {
    "circle": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "square": "M-4.5 -4.5h9v9h-9z",
    "triangle": "M0 -6L5.5 4.5h-11z",
    "diamond": "M0 -6.5L6.5 0L0 6.5L-6.5 0z",
}
"""The outline of each marker around the origin."""

LEGEND_LINE = "M0 0h26"

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot have, not even escaped."""


@dataclass(frozen=True, slots=True)
class ColorScheme:
    """The colours on one ground."""

    ground: str
    text: str
    quiet: str
    """Of text that is less important, and of levels."""
    grid: str
    axis: str
    palette: tuple[str, ...]

    @property
    def style(self) -> str:
        """The rules for the classes of the drawing."""
        families = ""
        for index, color in enumerate(self.palette):
            families += f".f{index}{{fill:{color};stroke:{color}}}"
        return (
            f".ground{{fill:{self.ground}}}"
            f".text{{fill:{self.text}}}"
            f".quiet{{fill:{self.quiet}}}"
            f".grid{{stroke:{self.grid}}}"
            f".axis{{stroke:{self.axis}}}"
            f".level{{stroke:{self.quiet}}}"
            # Later rules win: lines and hollow markers have the stroke of their family alone.
            f"{families}.line{{fill:none}}.hollow{{fill:{self.ground}}}"
        )


LIGHT = ColorScheme(
    ground="#fff",
    text="#1f2328",
    quiet="#59636e",
    grid="#d8dee4",
    axis="#818b98",
    palette=PALETTE,
)

DARK = ColorScheme(
    ground="#0d1117",
    text="#e6edf3",
    quiet="#9198a1",
    grid="#2a3038",
    axis="#656c76",
    palette=DARK_PALETTE,
)

FONT = "12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"

# The reader's scheme decides, as for the page around the drawing: an image cannot ask its page.
STYLE = (
    f"{LIGHT.style}@media (prefers-color-scheme:dark){{{DARK.style}}}"
    f"text{{font:{FONT};stroke:none}}"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from low to high, drawn from start to end in pixels."""

    low: float
    high: float
    start: int
    end: int
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Return the pixel of a value, or the nearest one on the axis."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Plot:
    """A curve on its axes: decimal logarithms of budgets across, scores in % up."""

    curve: DrawnCurve
    across: Axis
    up: Axis

    def place_budget(self, point: DrawnPoint) -> float:
        """Return the x of a point."""
        return self.across.place(math.log10(point.budget)) + ASIDE_PIXELS * point.aside

    def place_score(self, score: float) -> float:
        """Return the y of a score, which is a fraction."""
        return self.up.place(100 * score)

    def shows(self, score: float) -> bool:
        """Tell whether the axis reaches down and up to a score."""
        return self.up.low <= 100 * score <= self.up.high


def to_svg(table: TrackTable) -> str | None:
    """Draw mIoU (%) against labelled pixels, in a light or dark scheme as the reader has it.

    Points have 95 % intervals over seeds.

    Returns:
        A stand-alone SVG, or None where there is no curve, see `make_curve`.
    """
    curve = make_curve(table)
    if curve is None:
        return None
    plot = Plot(curve, _make_budget_axis(curve), _make_score_axis(curve))
    legend, height = _draw_legend(plot)
    title = f"{table.board.name}: mIoU against labelled pixels"
    content = [
        "",
        _element("title", _escape_xml(title), id="title"),
        _element("desc", _escape_xml(_describe_drawing(curve)), id="description"),
        _element("style", STYLE),
        _element("rect", class_="ground", width=f"{WIDTH}", height=f"{height}", rx="6"),
        *_draw_axes(plot),
        *_draw_levels(plot),
        *_draw_families(plot),
        *legend,
        "",
    ]
    drawing = _element(
        "svg",
        "\n".join(content),
        xmlns="http://www.w3.org/2000/svg",
        width=f"{WIDTH}",
        height=f"{height}",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby="title description",
    )
    return f"{drawing}\n"


def _make_budget_axis(curve: DrawnCurve) -> Axis:
    low, high = curve.log_budget_range
    ticks = tuple(math.log10(tick) for tick in choose_log_ticks(10**low, 10**high))
    return Axis(low, high, LEFT, RIGHT, ticks)


def _make_score_axis(curve: DrawnCurve) -> Axis:
    """Make an axis in % from the tick below all scores to the tick above them."""
    lowest, highest = curve.score_range
    low, high = 100 * lowest, 100 * highest
    step: float = SCORE_STEPS[-1]
    for candidate in SCORE_STEPS:
        if (high - low) / candidate <= MOST_STEPS:
            step = candidate
            break
    first = math.floor(low / step)
    # All scores may be the same, and on a tick.
    last = max(math.ceil(high / step), first + 1)
    # Rounded, since three times 0.1 is not 0.3.
    ticks = tuple(round(count * step, 1) for count in range(first, last + 1))
    # Pixels are counted from the top, so that the lowest score has the highest number.
    return Axis(first * step, last * step, BOTTOM, TOP, ticks)


def _draw_axes(plot: Plot) -> list[str]:
    """Draw both axes with their titles."""
    across_title, up_title = _make_titles(plot.curve)
    middle = (LEFT + RIGHT) // 2
    elements = [
        _text("text", TEXT_LEFT, 22, up_title),
        _text("text", middle, BOTTOM + 42, across_title, anchor="middle"),
    ]
    for tick in plot.up.ticks:
        y = plot.up.place(tick)
        elements.append(_element("path", class_="grid", d=f"M{LEFT} {y:.1f}H{RIGHT}"))
        elements.append(_text("quiet", LEFT - 8, f"{y + 4:.1f}", f"{tick:g}", anchor="end"))
    elements.append(_element("path", class_="axis", d=f"M{LEFT} {BOTTOM}H{RIGHT}"))
    for tick in plot.across.ticks:
        x = f"{plot.across.place(tick):.1f}"
        elements.append(_element("path", class_="axis", d=f"M{x} {BOTTOM}v5"))
        elements.append(_text("quiet", x, BOTTOM + 20, format_tick(10**tick), anchor="middle"))
    return elements


def _make_titles(curve: DrawnCurve) -> tuple[str, str]:
    """Make the titles of the axes across and up, with what is quiet in them."""
    # How much labels everywhere would be, as a measure for the budgets.
    total = ""
    if curve.reference is not None and curve.reference.budget > 0:
        total = f", of {curve.reference.budget:,.0f}"
    intervals = ", with 95 % intervals over seeds" if curve.has_intervals else ""
    return (
        f'labelled pixels<tspan class="quiet">{total}</tspan>',
        f'mIoU (%)<tspan class="quiet">{intervals}</tspan>',
    )


def _draw_levels(plot: Plot) -> list[str]:
    """Draw lines across, each with its score at the end."""
    elements = []
    for level in plot.curve.levels:
        if not _is_below(level, plot):
            y = plot.place_score(level.mean)
            elements.append(_level_line(level, f"M{LEFT} {y:.1f}H{RIGHT}"))
            score = f"{100 * level.mean:.1f}"
            elements.append(_text("quiet", RIGHT + 6, f"{y + 4:.1f}", score))
    return elements


def _draw_families(plot: Plot) -> list[str]:
    """Draw lines first, then points, so that nothing measured is covered."""
    lines = []
    points = []
    for family in plot.curve.families:
        if family.is_line:
            corners = []
            for point in family.points:
                x, y = plot.place_budget(point), plot.place_score(point.mean)
                corners.append(f"{x:.1f} {y:.1f}")
            line = f"{_color_of(family)} line"
            lines.append(_element("path", class_=line, stroke_width="2", d=f"M{'L'.join(corners)}"))
        for point in family.points:
            points += _draw_point(point, family, plot)
    return lines + points


def _draw_point(point: DrawnPoint, family: DrawnFamily, plot: Plot) -> list[str]:
    """Draw the published score, the interval, and over them the mean."""
    x = plot.place_budget(point)
    elements = []
    if point.published is not None:
        y = plot.place_score(point.published)
        elements.append(_hollow_marker(x, y, _color_of(family), family.marker))
    if point.n > 1:
        elements.append(_draw_bar(point, family, plot))
    y = plot.place_score(point.mean)
    elements.append(_marker(x, y, _color_of(family), family.marker))
    return elements


def _draw_bar(point: DrawnPoint, family: DrawnFamily, plot: Plot) -> str:
    x = plot.place_budget(point)
    low, high = plot.place_score(point.low), plot.place_score(point.high)
    path = f"M{x:.1f} {low:.1f}V{high:.1f}"
    # A bar without a cap goes on beyond the axis.
    for score, y in ((point.low, low), (point.high, high)):
        if plot.shows(score):
            path += f"M{x - 4:.1f} {y:.1f}h8"
    return _element("path", class_=_color_of(family), stroke_width="1.5", d=path)


def _draw_legend(plot: Plot) -> tuple[list[str], int]:
    """Draw the legend in as many lines as its texts need.

    Returns:
        Its elements, and the height of the drawing with it.
    """
    elements = []
    x, y = TEXT_LEFT, LEGEND
    for symbol, text in _list_legend(plot):
        # Without a library nobody knows how wide a text is: it is estimated, with room to spare.
        start = 34 if symbol else 0
        width = start + LETTER * len(text) + 20
        if x > TEXT_LEFT and x + width > WIDTH:
            x, y = TEXT_LEFT, y + LINE_HEIGHT
        content = symbol + _text("text", start, 4, _escape_xml(text))
        elements.append(_element("g", content, transform=f"translate({x} {y})"))
        x += width
    return elements, y + LINE_HEIGHT


def _list_legend(plot: Plot) -> list[tuple[str, str]]:
    """List the symbols of a legend, around the origin, and their texts."""
    entries = []
    for family in plot.curve.families:
        color = _color_of(family)
        symbol = _marker(13, 0, color, family.marker)
        if family.is_line:
            symbol = _element("path", class_=color, stroke_width="2", d=LEGEND_LINE) + symbol
        entries.append((symbol, shorten(family.name, LEGEND_NAME_LENGTH)))
    if plot.curve.has_published:
        # Hollow is what counts: each family has its own colour and marker.
        entries.append((_hollow_marker(13, 0, "level", "circle"), "published"))
    for level in plot.curve.levels:
        name = shorten(level.name, LEGEND_NAME_LENGTH)
        if _is_below(level, plot):
            entries.append(("", f"{name} ({100 * level.mean:.1f}, below the axis)"))
        else:
            entries.append((_level_line(level, LEGEND_LINE), name))
    return entries


def _describe_drawing(curve: DrawnCurve) -> str:
    """Say in words what is drawn, for those who cannot see it."""
    sentences = []
    for point in curve.points:
        seeds = "1 seed"
        if point.n > 1:
            low, high = 100 * point.low, 100 * point.high
            seeds = f"95 % interval {low:.1f} to {high:.1f}, {point.n} seeds"
        sentence = (
            f"{point.method}: {100 * point.mean:.1f} % ({seeds}) from {point.budget:,.0f} labelled"
            " pixels"
        )
        if point.published is not None:
            sentence += f", published {100 * point.published:.1f} %"
        sentences.append(f"{sentence}.")
    for level in curve.levels:
        sentences.append(f"{level.name}: {100 * level.mean:.1f} %.")
    if curve.omitted:
        sentences.append(f"Not on this axis: {', '.join(curve.omitted)}.")
    return " ".join(sentences)


def _is_below(level: DrawnLevel, plot: Plot) -> bool:
    return 100 * level.mean < plot.up.low


def _color_of(family: DrawnFamily) -> str:
    """Return the class that colours a family."""
    return f"f{family.color}"


def _level_line(level: DrawnLevel, path: str) -> str:
    dashes = "2 4" if level.is_constant else "7 4"
    return _element("path", class_="level", stroke_width="1.5", stroke_dasharray=dashes, d=path)


def _marker(x: float, y: float, css_class: str, marker: Marker) -> str:
    place = f"translate({x:.1f} {y:.1f})"
    return _element("path", class_=css_class, transform=place, d=MARKER_PATHS[marker])


def _hollow_marker(x: float, y: float, css_class: str, marker: Marker) -> str:
    return _element(
        "path",
        class_=f"{css_class} hollow",
        stroke_width="1.8",
        transform=f"translate({x:.1f} {y:.1f})",
        d=MARKER_PATHS[marker],
    )


def _text(css_class: str, x: int | str, y: int | str, content: str, anchor: str = "") -> str:
    """Write text at a place; the content is XML already."""
    attributes = {"class_": css_class, "x": f"{x}", "y": f"{y}"}
    if anchor:
        attributes.update(text_anchor=anchor)
    return _element("text", content, **attributes)


def _element(name: str, content: str = "", **attributes: str) -> str:
    """Write an element of XML.

    Args:
        name: its tag.
        content: what stands in it, as XML.
        attributes: in their order; `stroke_width` is written stroke-width, and `class_` class,
            since neither is a name in Python.
    """
    # Values are our own: numbers, classes and paths, with nothing to escape.
    tag = name
    for attribute, value in attributes.items():
        tag += f' {attribute.rstrip("_").replace("_", "-")}="{value}"'
    return f"<{tag}>{content}</{name}>" if content else f"<{tag}/>"


def _escape_xml(text: str) -> str:
    """Write text so that XML shows it as it is, on one line."""
    # A reader of XML refuses the whole drawing for one character that may not be there.
    return html.escape(NOT_XML.sub("\ufffd", " ".join(text.split())))
