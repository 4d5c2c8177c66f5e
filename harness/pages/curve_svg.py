"""The curve of a board as a small SVG to stand beside its Markdown: the same bytes with any version
of any library."""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass

from harness.leaderboard.analysis import TrackTable
from harness.pages.curve import (
    DARK_PALETTE,
    PALETTE,
    DrawnCurve,
    DrawnLevel,
    DrawnPoint,
    choose_log_ticks,
    format_tick,
    make_curve,
)

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 640, 48, 588, 40, 262


LEGEND, LINE, ASIDE = 328, 20, 7


MARKERS = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-4.5 -4.5h9v9h-9z",
    "M0 -6L5.5 4.5h-11z",
    "M0 -6.5L6.5 0L0 6.5L-6.5 0z",
)
"""Circle, square, triangle, diamond around the origin, as paths."""


STYLE = (
    ".ground{fill:#fff}.text{fill:#1f2328}.quiet{fill:#59636e}"
    ".grid{stroke:#d8dee4}.axis{stroke:#818b98}.level{stroke:#59636e}"
    + "".join(f".f{index}{{fill:{color};stroke:{color}}}" for index, color in enumerate(PALETTE))
    + ".line{fill:none}.hollow{fill:#fff}@media"
    " (prefers-color-scheme:dark){.ground{fill:#0d1117}.text{fill:#e6edf3}.quiet{fill:#9198a1}"
    ".grid{stroke:#2a3038}.axis{stroke:#656c76}.level{stroke:#9198a1}"
    + "".join(
        f".f{index}{{fill:{color};stroke:{color}}}" for index, color in enumerate(DARK_PALETTE)
    )
    + ".line{fill:none}.hollow{fill:#0d1117}}text{font:12px system-ui,-apple-system,'Segoe"
    " UI',Helvetica,Arial,sans-serif;stroke:none}"
)


NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from low to high, drawn from start to end in pixels, with ticks between."""

    low: float
    high: float
    start: int
    end: int
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """The pixel of a value; of the nearest one on the axis where it is outside."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def to_svg(table: TrackTable) -> str | None:
    """The curve of mIoU (%) against labelled pixels as a stand-alone SVG that follows the reader's
    light or dark scheme.

    None where fewer than two methods have labelled pixels, but not all of them. Points have 95 %
    intervals over seeds.
    """
    drawn = make_curve(table)
    return None if drawn is None else _drawing(drawn, table.board.name)


def _drawing(drawn: DrawnCurve, board: str) -> str:
    across, up = _budgets(drawn), _scores(drawn)
    legend, height = _legend(drawn, up)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0'
            f' 0 {WIDTH} {height}" role="img" aria-labelledby="title description">'
        ),
        f'<title id="title">{_text(f"{board}: mIoU against labelled pixels")}</title>',
        f'<desc id="description">{_text(_description(drawn))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="6"/>',
    ]
    return (
        "\n".join(
            [*parts, *_frame(drawn, across, up), *_families(drawn, across, up), *legend, "</svg>"]
        )
        + "\n"
    )


def _frame(drawn: DrawnCurve, across: Axis, up: Axis) -> list[str]:
    """Both axes with their titles, and the levels across."""
    total = (
        f", of {drawn.reference.budget:,.0f}"
        if drawn.reference and drawn.reference.budget > 0
        else ""
    )
    intervals = (
        ", with 95 % intervals over seeds" if any(point.n > 1 for point in drawn.points) else ""
    )
    parts = [
        f'<text class="text" x="12" y="22">mIoU (%)<tspan class="quiet">{intervals}</tspan></text>',
        (
            f'<text class="text" x="{(LEFT + RIGHT) // 2}" y="{BOTTOM + 42}"'
            f' text-anchor="middle">labelled pixels<tspan class="quiet">{total}</tspan></text>'
        ),
    ]
    for tick in up.ticks:
        y = up.at(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>')
        parts.append(
            f'<text class="quiet" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    parts.append(f'<path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/>')
    for tick in across.ticks:
        x = f"{across.at(tick):.1f}"
        parts.append(f'<path class="axis" d="M{x} {BOTTOM}v5"/>')
        parts.append(
            f'<text class="quiet" x="{x}" y="{BOTTOM + 20}"'
            f' text-anchor="middle">{format_tick(10**tick)}</text>'
        )
    for level, dashes in _levels(drawn):
        if 100 * level.mean >= up.low:
            y = up.at(100 * level.mean)
            parts.append(
                f'<path class="level" stroke-width="1.5" stroke-dasharray="{dashes}" d="M{LEFT}'
                f' {y:.1f}H{RIGHT}"/>'
            )
            parts.append(
                f'<text class="quiet" x="{RIGHT + 6}" y="{y + 4:.1f}">{100 * level.mean:.1f}</text>'
            )
    return parts


def _levels(drawn: DrawnCurve) -> list[tuple[DrawnLevel, str]]:
    """The levels there are, with their dashes."""
    return [
        (level, dashes)
        for level, dashes in ((drawn.reference, "7 4"), (drawn.floor, "2 4"))
        if level
    ]


def _families(drawn: DrawnCurve, across: Axis, up: Axis) -> list[str]:
    """Lines first, then published points, intervals and means, so that nothing measured is
    covered."""

    def place(point: DrawnPoint, score: float) -> tuple[float, float]:
        return across.at(math.log10(point.budget)) + ASIDE * point.aside, up.at(100 * score)

    lines, points = [], []
    for index, family in enumerate(drawn.families):
        color, marker = _look(index)
        if family.is_line:
            corners = (place(point, point.mean) for point in family.points)
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in corners)
            lines.append(f'<path class="{color} line" stroke-width="2" d="M{path}"/>')
        for point in family.points:
            x, y = place(point, point.mean)
            if point.published is not None:
                points.append(
                    _marker(x, place(point, point.published)[1], color, marker, hollow=True)
                )
            if point.n > 1:
                (_, low), (_, high) = place(point, point.low), place(point, point.high)
                ends = [
                    end
                    for end, score in ((low, point.low), (high, point.high))
                    if up.low <= 100 * score <= up.high
                ]
                caps = "".join(f"M{x - 4:.1f} {end:.1f}h8" for end in ends)
                points.append(
                    f'<path class="{color}" stroke-width="1.5" d="M{x:.1f}'
                    f' {low:.1f}V{high:.1f}{caps}"/>'
                )
            points.append(_marker(x, y, color, marker))
    return lines + points


def _legend(drawn: DrawnCurve, up: Axis) -> tuple[list[str], int]:
    """The legend in as many lines as its texts need, and the height of the drawing with it."""
    entries: list[tuple[str, str]] = []
    for index, family in enumerate(drawn.families):
        color, marker = _look(index)
        line = f'<path class="{color}" stroke-width="2" d="M0 0h26"/>' if family.is_line else ""
        entries.append((line + _marker(13, 0, color, marker), _short(family.name)))
    if any(point.published is not None for point in drawn.points):
        color, marker = _look(0)
        entries.append((_marker(13, 0, "level", marker, hollow=True), "published"))
    for level, dashes in _levels(drawn):
        below = f" ({100 * level.mean:.1f}, below the axis)" if 100 * level.mean < up.low else ""
        line = (
            ""
            if below
            else f'<path class="level" stroke-width="1.5" stroke-dasharray="{dashes}" d="M0 0h26"/>'
        )
        entries.append((line, _short(level.name) + below))
    parts, x, y = [], 12, LEGEND
    for symbol, name in entries:
        start, width = 34 if symbol else 0, 7 * len(name) + 20
        if x > 12 and x + start + width > WIDTH:
            x, y = 12, y + LINE
        parts.append(
            f'<g transform="translate({x} {y})">{symbol}<text class="text" x="{start}"'
            f' y="4">{_text(name)}</text></g>'
        )
        x += start + width
    return parts, y + LINE


def _description(drawn: DrawnCurve) -> str:
    """The drawing in words, for who cannot see it."""
    words = []
    for point in drawn.points:
        seeds = (
            f" (95 % interval {100 * point.low:.1f} to {100 * point.high:.1f}, {point.n} seeds)"
            if point.n > 1
            else " (1 seed)"
        )
        published = "" if point.published is None else f", published {100 * point.published:.1f} %"
        words.append(
            f"{point.method}: {100 * point.mean:.1f} %{seeds} from {point.budget:,.0f} labelled"
            f" pixels{published}."
        )
    words += [f"{level.name}: {100 * level.mean:.1f} %." for level, _ in _levels(drawn)]
    return " ".join(
        words + [f"Not on this axis: {', '.join(drawn.omitted)}."] * bool(drawn.omitted)
    )


def _budgets(drawn: DrawnCurve) -> Axis:
    """Decimal logarithms."""
    low, high = drawn.log_budget_range
    return Axis(low, high, LEFT, RIGHT, tuple(map(math.log10, choose_log_ticks(10**low, 10**high))))


def _scores(drawn: DrawnCurve) -> Axis:
    """From tick to tick around the scores to show, in %."""
    low, high = (100 * score for score in drawn.score_range)
    step = next(
        step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if (high - low) / step <= 6 or step == 20
    )
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return Axis(
        first * step,
        last * step,
        BOTTOM,
        TOP,
        tuple(round(count * step, 1) for count in range(first, last + 1)),
    )


def _look(index: int) -> tuple[str, str]:
    """Colour class and marker of a family: twelve different pairs."""
    return f"f{index % len(PALETTE)}", MARKERS[index % len(MARKERS)]


def _marker(x: float, y: float, color: str, path: str, hollow: bool = False) -> str:
    look = f'class="{color} hollow" stroke-width="1.8"' if hollow else f'class="{color}"'
    return f'<path {look} transform="translate({x:.1f} {y:.1f})" d="{path}"/>'


def _short(text: str, limit: int = 40) -> str:
    """At most so many characters, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _text(text: str) -> str:
    """Text that XML shows as it is, without the characters that XML cannot have."""
    return html.escape(NOT_XML.sub("\ufffd", " ".join(text.split())))
