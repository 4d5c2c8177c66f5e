"""Which methods belong together: those that differ in one number, as in a sweep over a field.

Names decide nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from harness.core.values import JsonObject
from harness.records.record import FinishedRecord, RunSettings

NUMBER_IN_NAME = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
"""A number in a method's name. Captured, so that `split` returns text and numbers by turns."""

SWEPT = ("supervision", "loss")
"""The lists of components in which a number may differ."""

SAME = ("floor", "trains_on")
"""What else makes two methods different, and is no number."""


PlaceAndRest = tuple[str, str]
"""Where a number of a method stands, and all the rest of the method."""


class Sweep(NamedTuple):
    """Methods that differ in one number."""

    field: str
    """The place of the number, such as supervision.0.count; empty for a method that stands
    alone."""
    methods: tuple[str, ...]
    """Their names, in the order of the records."""

    @property
    def name(self) -> str:
        """The names of the methods as one, with `*` for the numbers in which they differ.

        All names, where they differ in more than numbers.
        """
        pieces = [NUMBER_IN_NAME.split(method) for method in self.methods]
        # Every second piece is the text between numbers.
        texts_of_first = pieces[0][::2]
        for other in pieces:
            if other[::2] != texts_of_first:
                return ", ".join(self.methods)
        name = ""
        for alternatives in zip(*pieces, strict=True):
            is_same = len(set(alternatives)) == 1
            name += alternatives[0] if is_same else "*"
        return name


def find_sweeps(records: Sequence[FinishedRecord]) -> list[Sweep]:
    """Find methods that differ in one number of a supervision or a loss, and in nothing else.

    A method can be in several sweeps.
    """
    groups: dict[PlaceAndRest, list[str]] = {}
    for record in records:
        for place_and_rest in varied_numbers(record.settings):
            members = groups.setdefault(place_and_rest, [])
            # Every seed of a method has the same numbers.
            if record.method not in members:
                members.append(record.method)
    sweeps = []
    for (place, _), members in groups.items():
        # Most numbers belong to one method alone.
        if len(members) > 1:
            sweeps.append(Sweep(place, tuple(members)))
    return sweeps


def varied_numbers(settings: RunSettings) -> Iterator[PlaceAndRest]:
    """Yield each number of a method's components: its place, and all the rest of the method.

    Methods with the same place and the same rest differ in that number alone. The rest is JSON, so
    that it can be a key.
    """
    document = settings.as_json()
    method = {name: document.get(name) for name in (*SWEPT, *SAME)}
    for section in SWEPT:
        components = method[section] or []
        for index, component in enumerate(components):
            for field in _number_fields(component):
                # Emptied and not removed, so that its place is part of the rest.
                without_number = list(components)
                without_number[index] = {**component, field: None}
                rest = {**method, section: without_number}
                place = f"{section}.{index}.{field}"
                yield place, json.dumps(rest, sort_keys=True)


def _number_fields(component: JsonObject) -> list[str]:
    """Return the fields of a component that hold a number."""
    fields = []
    for field, value in component.items():
        # For Python, True is a number too.
        is_switch = isinstance(value, bool)
        if isinstance(value, int | float) and not is_switch:
            fields.append(field)
    return fields


def choose_lines(sweeps: Sequence[Sweep], budgets: Mapping[str, float]) -> list[Sweep]:
    """Choose the lines of a drawing, so that each method is drawn once.

    Args:
        sweeps: the sweeps there are, which may share methods.
        budgets: the budget of each method to draw, by its name.

    Returns:
        Sweeps without common methods, then methods alone, in the order of the budgets.
    """
    remaining = list(budgets)
    lines = []
    # Greedy: take the sweep that joins most different budgets, since a line through one budget is a
    # dot; cross its methods off the other sweeps; and again, until no sweep has two methods left.
    # Best choices would need a search over all subsets, and nobody could foresee what they are.
    longest = _longest_sweep(sweeps, remaining, budgets)
    while longest is not None:
        lines.append(longest)
        for method in longest.methods:
            remaining.remove(method)
        longest = _longest_sweep(sweeps, remaining, budgets)
    for method in remaining:
        lines.append(Sweep("", (method,)))
    order = list(budgets)

    def place_of_line(line: Sweep) -> int:
        return order.index(line.methods[0])

    return sorted(lines, key=place_of_line)


def _longest_sweep(
    sweeps: Sequence[Sweep], remaining: Sequence[str], budgets: Mapping[str, float]
) -> Sweep | None:
    """Return what remains of the sweep that joins most budgets, then most methods, then comes
    first; None where nothing is left to join."""
    longest = None
    largest = (0, 0)
    for sweep in sweeps:
        methods = tuple(method for method in remaining if method in sweep.methods)
        if len(methods) < 2:
            continue
        distinct_budgets = {budgets[method] for method in methods}
        size = (len(distinct_budgets), len(methods))
        if size > largest:
            longest = Sweep(sweep.field, methods)
            largest = size
    return longest
