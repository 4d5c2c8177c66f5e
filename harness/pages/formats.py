"""Numbers and text as cells of a Markdown table, and blocks of a page. Unknown numbers are a
dash."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Collection, Sequence
from typing import Any

from tabulate import tabulate

from harness.leaderboard.statistics import Interval, Spread

DASH = "–"


MARKUP = re.compile(r"[\\`*|~$]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|^[#+-](?= )|^\[")
"""Characters that Markdown would take for its own: underscores within a word are none, nor are
brackets that begin no link."""


CODE = re.compile(r"(`[^`]+`)")


def table(
    lines: Sequence[Sequence[str]],
    columns: Sequence[str],
    left: int = 1,
    words: Collection[str] = (),
) -> str:
    """A Markdown table: the first `left` columns and those of words to the left, numbers to the
    right."""
    aligned = [
        "left" if index < left or column in words else "right"
        for index, column in enumerate(columns)
    ]
    return tabulate(lines, columns, tablefmt="pipe", colalign=aligned, disable_numparse=True)


def folded(summary: str, *blocks: str) -> str:
    """Blocks that a reader opens by a click on the summary, which is plain text; a code host
    renders Markdown inside where blank lines surround it."""
    title = html.escape(summary, quote=False)
    return "\n\n".join(
        (
            f"<details>\n<summary>{title}</summary>",
            *(block for block in blocks if block),
            "</details>",
        )
    )


def bullets(sentences: Sequence[str]) -> str:
    """A list."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def text(value: str) -> str:
    """Text that Markdown shows as it is, in a paragraph, a list or a table."""
    return MARKUP.sub(r"\\\g<0>", html.escape(" ".join(value.split()), quote=False))


def prose(value: str) -> str:
    """Our own sentences in Markdown: text in which backticks enclose code."""
    return "".join(
        part if index % 2 else MARKUP.sub(r"\\\g<0>", html.escape(part, quote=False))
        for index, part in enumerate(CODE.split(value))
    )


def shown(value: Any) -> str:
    """A setting, for people."""
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def number(value: float | None, digits: int = 1) -> str:
    """A number with so many decimals, and a real minus sign."""
    return (
        DASH
        if value is None or math.isnan(value)
        else _minus(f"{_rounded(value, digits):.{digits}f}")
    )


def counted(number: int, noun: str) -> str:
    """1 test, 2 tests."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _rounded(value: float, digits: int) -> float:
    """Without a negative zero: its sign hangs on the last bit of what was rounded, which is not the
    same on every machine."""
    return round(value, digits) + 0.0


def percent(value: float | None) -> str:
    """A fraction as a percentage."""
    return number(None if value is None else 100 * value)


def signed(value: float) -> str:
    """A difference of fractions in points, with its sign."""
    return DASH if math.isnan(value) else _minus(f"{_rounded(100 * value, 1):+.1f}")


def spread(value: Spread, digits: int = 1, factor: float = 100) -> str:
    """A mean ± its standard deviation over seeds, times the factor: 100 for fractions as
    percentages."""
    deviation = "" if math.isnan(value.sd) else f" ± {number(factor * value.sd, digits)}"
    return number(factor * value.mean, digits) + deviation


def within(value: str, interval: Interval, sign: bool = False) -> str:
    """A value, already written, followed by its interval of fractions in brackets, where it has
    one."""
    if any(map(math.isnan, interval)):
        return value
    low, high = (signed(end) if sign else percent(end) for end in interval)
    return f"{value} [{low}, {high}]"


def p_value(value: float) -> str:
    """A p value to three decimals."""
    return "< 0.001" if value < 0.0005 else number(value, 3)


def pixels(value: float) -> str:
    """A count."""
    return DASH if math.isnan(value) else f"{round(value):,}"


def rounded(value: float) -> str:
    """An amount to three digits."""
    return DASH if math.isnan(value) else f"{float(f'{value:.3g}'):,.10g}"


def duration(seconds: float) -> str:
    """Time as people say it, to two or three digits: in seconds up to 100, in minutes up to 100,
    else in hours."""
    for size, unit in ((1, "s"), (60, "min"), (3600, "h")):
        amount = f"{rounded(_rounded(seconds / size, 0 if seconds >= 10 * size else 1))} {unit}"
        if seconds < 99.5 * size:
            break
    return DASH if math.isnan(seconds) else amount


def share(value: float) -> str:
    """A share as a percentage of three digits."""
    return DASH if math.isnan(value) else f"{100 * value:.3g}"
