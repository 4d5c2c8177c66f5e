"""Which methods belong together: those that differ in one number, as a sweep over a field makes
them. Names decide nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


VARIED = ("supervision", "loss")


class Family(NamedTuple):
    """Methods that differ in one number: its place, such as supervision.0.count, and their names in
    the order of the records.

    A method that stands alone has the empty field.
    """

    field: str
    methods: tuple[str, ...]

    @property
    def name(self) -> str:
        """The names of the methods as one, `*` for numbers in which they differ; all of them where
        they differ in more."""
        parts = [NUMBER.split(method) for method in self.methods]
        if len({tuple(own[::2]) for own in parts}) > 1:
            return ", ".join(self.methods)
        return "".join(own[0] if len(set(own)) == 1 else "*" for own in zip(*parts, strict=True))


def families(records: Sequence[Mapping[str, Any]]) -> list[Family]:
    """Methods of finished runs that differ in one number of a supervision or a loss, and in nothing
    else. A method can be in several."""
    members: dict[tuple[str, str], dict[str, None]] = {}
    for record in records:
        own = {key: record["settings"].get(key) for key in (*VARIED, "floor", "trains_on")}
        for section in VARIED:
            for index, component in enumerate(own[section] or ()):
                for field, value in component.items():
                    if isinstance(value, int | float) and not isinstance(value, bool):
                        others = [dict(each) for each in own[section]]
                        others[index][field] = None
                        rest = json.dumps({**own, section: others}, sort_keys=True)
                        members.setdefault((f"{section}.{index}.{field}", rest), {})[
                            record["method"]
                        ] = None
    return [
        Family(field, tuple(methods)) for (field, _), methods in members.items() if len(methods) > 1
    ]


def lines(found: Sequence[Family], budgets: Mapping[str, float]) -> list[Family]:
    """Each method with a budget once, as a drawing needs it: by turns the family that joins most
    different budgets, then who is left."""
    left, chosen = list(budgets), []
    while True:
        open_ = [
            Family(one.field, tuple(name for name in left if name in one.methods)) for one in found
        ]
        best = max(
            open_,
            key=lambda one: (len({budgets[name] for name in one.methods}), len(one.methods)),
            default=Family("", ()),
        )
        if len(best.methods) < 2:
            break
        chosen.append(best)
        left = [name for name in left if name not in best.methods]
    order = list(budgets)
    return sorted(
        [*chosen, *(Family("", (name,)) for name in left)],
        key=lambda one: order.index(one.methods[0]),
    )
