"""The commands that only look: list, show and plugins."""

from __future__ import annotations

import inspect
import json

from tabulate import tabulate

from harness.catalog import KINDS, Catalog, Offer
from harness.core.errors import InputError, suggestion
from harness.scenario.json_schema import fields, first_line


def listed(catalog: Catalog, kind: str | None, as_json: bool) -> str:
    """All components, or those of one kind."""
    offers = [
        (k, offer)
        for k in KINDS
        if kind in (None, k)
        for _, offer in sorted(catalog.offers[k].items())
    ]
    if as_json:
        return json.dumps([_as_json(k, offer) for k, offer in offers], indent=1)
    rows = [
        (
            k,
            offer.component.name,
            f"{offer.plugin.name} ({offer.plugin.distribution} {offer.plugin.version})",
            first_line(offer.component),
        )
        for k, offer in offers
    ]
    broken = [plugin for plugin in catalog.plugins if plugin.status == "broken"]
    warning = "".join(f"\nplugin {plugin} is broken: {plugin.error}" for plugin in broken)
    return tabulate(rows, ("kind", "name", "plugin", "what it is"), tablefmt="simple") + warning


def _as_json(kind: str, offer: Offer) -> dict[str, object]:
    return {
        "kind": kind,
        "name": offer.component.name,
        "plugin": offer.plugin.name,
        "distribution": offer.plugin.distribution,
        "version": offer.plugin.version,
        "about": first_line(offer.component),
    }


def shown(catalog: Catalog, name: str) -> str:
    """One component in full: every kind that has this name."""
    found = [(kind, catalog.offers[kind][name]) for kind in KINDS if name in catalog.offers[kind]]
    if not found:
        known = {known for kind in KINDS for known in catalog.offers[kind]}
        raise InputError(f"no component named {name!r}. {suggestion(name, known)}")
    blocks = []
    for kind, offer in found:
        component = offer.component
        lines = [
            f"{kind} {name}   from plugin {offer.plugin}",
            "",
            inspect.cleandoc(component.__doc__ or ""),
            "",
        ]
        for attribute in ("provides", "requires", "reveals", "source", "licence", "citation"):
            value = getattr(component, attribute, None)
            if value:
                lines.append(
                    f"{attribute}: {value if isinstance(value, str) else ', '.join(sorted(value))}"
                )
        rows = list(fields(component))
        if rows:
            lines += [
                "",
                tabulate(
                    rows,
                    ("field", "values", "default", "meaning"),
                    maxcolwidths=[None, 34, None, 70],
                ),
            ]
        else:
            lines += ["", "No fields."]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def plugins(catalog: Catalog, as_json: bool, details: bool) -> str:
    """Every plugin with its state; `details` adds the tracebacks of broken ones."""
    if as_json:
        return json.dumps(
            [
                {
                    field: getattr(p, field)
                    for field in ("name", "distribution", "version", "status", "error")
                }
                for p in catalog.plugins
            ],
            indent=1,
        )
    rows = []
    for plugin in catalog.plugins:
        offered = [
            name
            for kind in KINDS
            for name, offer in sorted(catalog.offers[kind].items())
            if offer.plugin == plugin
        ]
        rows.append(
            (
                plugin.name,
                plugin.distribution,
                plugin.version,
                plugin.status,
                plugin.error or ", ".join(offered),
            )
        )
    table = tabulate(
        rows,
        ("plugin", "distribution", "version", "status", "offers"),
        maxcolwidths=[None, None, None, None, 90],
    )
    traces = [
        f"\n{plugin.name}:\n{plugin.details}"
        for plugin in catalog.plugins
        if details and plugin.details
    ]
    return table + "".join(traces)
