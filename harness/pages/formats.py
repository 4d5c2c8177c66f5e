"""Numbers, times and settings as people read them. An unknown number is a dash."""

from __future__ import annotations

import math
from typing import Any

from harness.leaderboard.statistics import DASH, Interval, Spread


def format_number(value: float | None, digits: int = 1, thousands: bool = False) -> str:
    """Write a number with so many decimals, and with commas between thousands if asked for."""
    if value is None or math.isnan(value):
        return DASH
    rounded = _round_without_negative_zero(value, digits)
    text = f"{rounded:,.{digits}f}" if thousands else f"{rounded:.{digits}f}"
    return _with_minus(text)


def format_percent(value: float | None) -> str:
    """Write a fraction as a percentage."""
    if value is None:
        return DASH
    return format_number(100 * value)


def format_points(value: float) -> str:
    """Write a difference of fractions in percentage points, with its sign."""
    if math.isnan(value):
        return DASH
    points = _round_without_negative_zero(100 * value, 1)
    return _with_minus(f"{points:+.1f}")


def format_spread(value: Spread, digits: int = 1, factor: float = 100) -> str:
    """Write a mean ± its standard deviation over seeds.

    Args:
        value: the mean and its deviation.
        digits: decimals of both.
        factor: what both are multiplied by; 100 shows fractions as percentages.
    """
    mean = format_number(factor * value.mean, digits)
    # One seed has a mean, but no deviation.
    if math.isnan(value.sd):
        return mean
    deviation = format_number(factor * value.sd, digits)
    return f"{mean} ± {deviation}"


def format_interval(value: str, interval: Interval, signed: bool = False) -> str:
    """Add an interval in brackets to a value, if the interval has two ends.

    Args:
        value: the value as text.
        interval: fractions.
        signed: whether the ends are differences, which are written with their signs.
    """
    if math.isnan(interval.low) or math.isnan(interval.high):
        return value
    format_end = format_points if signed else format_percent
    return f"{value} [{format_end(interval.low)}, {format_end(interval.high)}]"


def format_p_value(value: float) -> str:
    """Write a p value to three decimals."""
    return "< 0.001" if value < 0.0005 else format_number(value, 3)


def format_count(value: float) -> str:
    """Write an amount as a whole number."""
    if math.isnan(value):
        return DASH
    return f"{round(value):,}"


def format_amount(value: float) -> str:
    """Write an amount to three digits."""
    if math.isnan(value):
        return DASH
    rounded = float(f"{value:.3g}")
    # Ten digits, since with three the largest amounts would be written with an exponent.
    return f"{rounded:,.10g}"


def format_duration(seconds: float) -> str:
    """Write a time as people say it: in seconds up to 100, in minutes up to 100, else in hours."""
    if math.isnan(seconds):
        return DASH
    size, unit = 3600, "h"
    for smaller_size, smaller_unit in ((60, "min"), (1, "s")):
        # 99.5 and more would be rounded to 100.
        if seconds < 99.5 * smaller_size:
            size, unit = smaller_size, smaller_unit
    digits = 0 if seconds >= 10 * size else 1
    amount = _round_without_negative_zero(seconds / size, digits)
    return f"{format_amount(amount)} {unit}"


def format_share(value: float) -> str:
    """Write a share as a percentage of three digits."""
    if math.isnan(value):
        return DASH
    return f"{100 * value:.3g}"


def format_setting(value: Any) -> str:
    """Write the value of a setting, nearly as a scenario would have it."""
    if isinstance(value, list):
        return "[" + ", ".join(map(format_setting, value)) + "]"
    # For Python, True is a number too.
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if value is None:
        return "none"
    return str(value)


def count_nouns(number: int, noun: str) -> str:
    """Write a number with its noun: 1 test, 2 tests."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _with_minus(text: str) -> str:
    """Replace hyphens by minus signs."""
    return text.replace("-", "−")


def _round_without_negative_zero(value: float, digits: int) -> float:
    """Round, and make a negative zero positive.

    Its sign hangs on the last bit of what was rounded, which is not the same on every machine.
    """
    return round(value, digits) + 0.0
