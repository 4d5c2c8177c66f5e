"""The commands that only look at what is installed: list, show, plugins and schema."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from harness.cli.exit_codes import SUCCESS
from harness.cli.options import json_option
from harness.core.errors import InputError, suggestion

if TYPE_CHECKING:
    from harness.catalog import Catalog, Offer, Plugin

# Written out, and not taken from the catalog, which would make `harness --help` slow.
KIND_NAMES = ("dataset", "supervision", "loss", "model", "executor")

FACTS = ("provides", "requires", "reveals", "source", "licence", "citation")
"""The attributes of components that `show` prints, where a component has them."""

PLUGIN_FIELDS = ("name", "distribution", "version", "status", "error")


@dataclass(frozen=True, slots=True)
class Listing:
    """A component as `list` and `show` name it."""

    kind: str
    offer: Offer

    @property
    def name(self) -> str:
        """The name by which a scenario calls it."""
        return self.offer.component.name


@click.command("list")
@click.argument("kind", metavar="[KIND]", required=False, type=click.Choice(KIND_NAMES))
@json_option
def list_components(kind: str | None, as_json: bool) -> int:
    """List the installed components.

    KIND leaves out all others than those of one kind: dataset, supervision, loss, model or
    executor.
    """
    from harness.catalog import load_catalog

    catalog = load_catalog()
    listings = find_listings(catalog)
    if kind:
        listings = [listing for listing in listings if listing.kind == kind]
    if as_json:
        print(format_listings_as_json(listings))
    else:
        print(format_listings_as_table(listings) + describe_broken(catalog.plugins))
    return SUCCESS


@click.command()
@click.argument("component")
def show(component: str) -> int:
    """Show a component's fields.

    Prints the documentation of COMPONENT, and what values each field takes, its default and its
    meaning.
    """
    from harness.catalog import load_catalog

    catalog = load_catalog()
    listings = find_listings(catalog)
    named = [listing for listing in listings if listing.name == component]
    if not named:
        names = {listing.name for listing in listings}
        raise InputError(f"no component named {component!r}. {suggestion(component, names)}")
    # Components of different kinds may share a name.
    print("\n\n".join(describe_component(listing) for listing in named))
    return SUCCESS


@click.command()
@json_option
@click.option("--details", is_flag=True, help="Add the tracebacks of broken plugins.")
def plugins(as_json: bool, details: bool) -> int:
    """List plugins and their state, also broken ones."""
    from harness.catalog import load_catalog

    catalog = load_catalog()
    if as_json:
        print(format_plugins_as_json(catalog.plugins))
        return SUCCESS
    # Also without --details, the table has a line that says why a plugin is broken.
    text = format_plugins_as_table(catalog)
    if details:
        for plugin in catalog.plugins:
            if plugin.details:
                text += f"\n{plugin.name}:\n{plugin.details}"
    print(text)
    return SUCCESS


@click.command()
@click.option("--markdown", is_flag=True, help="Print tables for people instead.")
def schema(markdown: bool) -> int:
    """Print the JSON schema of a scenario.

    It says what a scenario may contain with the plugins that are installed.
    """
    from harness.catalog import load_catalog
    from harness.scenario.json_schema import reference, scenario_schema

    catalog = load_catalog()
    if markdown:
        print(reference(catalog))
    else:
        print(json.dumps(scenario_schema(catalog), indent=1))
    return SUCCESS


def find_listings(catalog: Catalog) -> list[Listing]:
    """Return all components, kind by kind, each kind in order of name."""
    listings = []
    for kind in KIND_NAMES:
        for name in catalog.names(kind):
            listings.append(Listing(kind, catalog.offers[kind][name]))
    return listings


def format_listings_as_json(listings: Sequence[Listing]) -> str:
    """Return components as JSON, one object for each."""
    from harness.scenario.json_schema import first_line

    entries = []
    for listing in listings:
        plugin = listing.offer.plugin
        entries.append(
            {
                "kind": listing.kind,
                "name": listing.name,
                "plugin": plugin.name,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "about": first_line(listing.offer.component),
            }
        )
    return json.dumps(entries, indent=1)


def format_listings_as_table(listings: Sequence[Listing]) -> str:
    """Return components as a table, one line for each."""
    from tabulate import tabulate

    from harness.scenario.json_schema import first_line

    rows = []
    for listing in listings:
        plugin = listing.offer.plugin
        origin = f"{plugin.name} ({plugin.distribution} {plugin.version})"
        about = first_line(listing.offer.component)
        rows.append((listing.kind, listing.name, origin, about))
    return tabulate(rows, ("kind", "name", "plugin", "what it is"), tablefmt="simple")


def describe_broken(plugins: Sequence[Plugin]) -> str:
    """Return a line for each broken plugin, whose components a table lacks."""
    text = ""
    for plugin in plugins:
        if plugin.status == "broken":
            text += f"\nplugin {plugin} is broken: {plugin.error}"
    return text


def describe_component(listing: Listing) -> str:
    """Describe a component in full: its documentation, its facts, and its fields."""
    component = listing.offer.component
    lines = [
        f"{listing.kind} {listing.name}   from plugin {listing.offer.plugin}",
        "",
        inspect.cleandoc(component.__doc__ or ""),
        "",
    ]
    for name in FACTS:
        fact = getattr(component, name, None)
        # The others are sets of what weak labels carry.
        if fact and not isinstance(fact, str):
            fact = ", ".join(sorted(fact))
        if fact:
            lines.append(f"{name}: {fact}")
    lines += ["", describe_fields(listing)]
    return "\n".join(lines)


def describe_fields(listing: Listing) -> str:
    """Return the fields of a component as a table."""
    from tabulate import tabulate

    from harness.scenario.json_schema import fields

    rows = list(fields(listing.offer.component))
    if not rows:
        return "No fields."
    columns = ("field", "values", "default", "meaning")
    return tabulate(rows, columns, maxcolwidths=[None, 34, None, 70])


def format_plugins_as_json(plugins: Sequence[Plugin]) -> str:
    """Return plugins as JSON, one object for each."""
    entries = []
    for plugin in plugins:
        # Tracebacks are left out: they hold paths of this machine.
        entries.append({name: getattr(plugin, name) for name in PLUGIN_FIELDS})
    return json.dumps(entries, indent=1)


def format_plugins_as_table(catalog: Catalog) -> str:
    """Return plugins as a table: what each offers, or why it is broken."""
    from tabulate import tabulate

    listings = find_listings(catalog)
    rows = []
    for plugin in catalog.plugins:
        names = [listing.name for listing in listings if listing.offer.plugin == plugin]
        offers = plugin.error or ", ".join(names)
        rows.append((plugin.name, plugin.distribution, plugin.version, plugin.status, offers))
    columns = ("plugin", "distribution", "version", "status", "offers")
    # Only the last column is broken into lines; names and versions can then be copied whole.
    return tabulate(rows, columns, maxcolwidths=[None, None, None, None, 90])
