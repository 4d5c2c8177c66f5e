"""Finds plugins through the entry-point group `harness` and holds the components they offer. The
only module that touches pluggy.

Listing fails open: a broken plugin is a row with its error. Using fails closed: a component that a
broken or conflicting plugin should have given is an error that names the plugin. The catalog is a
value, passed as an argument; nothing is registered by importing.
"""

from __future__ import annotations

import copy
import inspect
import os
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from harness import hookspecs
from harness.core.components import Component, Dataset, Executor, Loss, Model, Supervision
from harness.core.errors import InputError, suggestion

GROUP = "harness"


KINDS: Mapping[str, type[Component]] = {
    "dataset": Dataset,
    "supervision": Supervision,
    "loss": Loss,
    "model": Model,
    "executor": Executor,
}


HOOK_OF_KIND = {
    "dataset": "harness_datasets",
    "supervision": "harness_supervisions",
    "loss": "harness_losses",
    "model": "harness_models",
    "executor": "harness_executors",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: where it comes from and whether it works. `error` is one line, `details` the
    traceback."""

    name: str
    distribution: str
    version: str
    status: Literal["ok", "disabled", "broken"] = "ok"
    error: str = ""
    details: str = ""

    def __str__(self) -> str:
        return f"{self.name!r} ({self.distribution} {self.version})"


@dataclass(frozen=True, slots=True)
class Offer:
    """A component class and the plugin that offers it."""

    component: type[Component]
    plugin: Plugin


@dataclass(frozen=True)
class Catalog:
    """All plugins, and all components by kind and name."""

    plugins: tuple[Plugin, ...]
    offers: Mapping[str, Mapping[str, Offer]]
    manager: pluggy.PluginManager = field(repr=False)

    def names(self, kind: str) -> list[str]:
        """The component names of a kind, sorted."""
        return sorted(self.offers[kind])

    def find(self, kind: str, name: str) -> Offer:
        """The component of this kind and name. Raises InputError with the nearest name and what is
        installed."""
        conflict = next(
            (plugin for plugin in self.plugins if f"{kind} {name!r} is already" in plugin.error),
            None,
        )
        if conflict:
            raise InputError(
                f"{kind} {name!r} is ambiguous: plugin {conflict} is broken: {conflict.error}"
            )
        if name in self.offers[kind]:
            return self.offers[kind][name]
        raise InputError(
            f"no {kind} named {name!r}. {suggestion(name, self.names(kind))}{self._broken()}"
        )

    def _broken(self) -> str:
        broken = [str(plugin) for plugin in self.plugins if plugin.status == "broken"]
        return (
            f" Broken plugins, which may have offered it: {', '.join(broken)}; see `harness"
            " plugins`."
            if broken
            else ""
        )

    def notify(self, hook: str, **arguments: Any) -> Iterator[str]:
        """Calls an observer hook in every plugin with copies; yields a line for each plugin that
        raised."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            wanted = {name: copy.deepcopy(arguments[name]) for name in implementation.argnames}
            try:
                implementation.function(**wanted)
            except Exception as error:  # an observer must not stop a run
                yield (
                    f"plugin {implementation.plugin_name!r} failed in {hook}:"
                    f" {type(error).__name__}: {error}"
                )


def load_catalog(
    points: Iterable[EntryPoint] | None = None, disabled: Iterable[str] | None = None
) -> Catalog:
    """Loads every plugin, in order of name. `disabled` defaults to the comma-separated names in
    HARNESS_DISABLE_PLUGINS."""
    if points is None:
        points = entry_points(group=GROUP)
    if disabled is None:
        disabled = filter(None, os.environ.get("HARNESS_DISABLE_PLUGINS", "").split(","))
    disabled = frozenset(disabled)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    offers: dict[str, dict[str, Offer]] = {kind: {} for kind in KINDS}
    plugins = []
    for point in sorted(points, key=lambda point: point.name):
        distribution = point.dist.name if point.dist else "unknown"
        plugin = Plugin(point.name, distribution, point.dist.version if point.dist else "0")
        if point.name in disabled:
            plugins.append(Plugin(plugin.name, plugin.distribution, plugin.version, "disabled"))
            continue
        try:
            loaded = point.load()
            _register(manager, loaded, plugin)
            for kind, offer in _offered(manager, loaded, plugin, offers):
                offers[kind][offer.component.name] = offer
        except Exception as error:  # a broken plugin is a row of the listing, not the end of it
            if manager.has_plugin(point.name):
                manager.unregister(name=point.name)
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            broken = Plugin(
                plugin.name,
                plugin.distribution,
                plugin.version,
                "broken",
                line,
                "".join(traceback.format_exception(error)),
            )
            plugins.append(broken)
        else:
            plugins.append(plugin)
    return Catalog(tuple(plugins), offers, manager)


def _register(manager: pluggy.PluginManager, loaded: object, plugin: Plugin) -> None:
    hooks = sorted(
        name
        for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)
        if name.startswith("harness_")
    )
    for name, function in inspect.getmembers(loaded, inspect.isroutine):
        marked = getattr(function, "harness_impl", None) is not None
        if name.startswith("harness_") and not marked:
            raise TypeError(f"function {name} is not decorated: add @hookimpl from harness.api")
        if not marked:
            continue
        if name not in hooks:
            raise TypeError(f"unknown hook {name!r}. {suggestion(name, hooks)}")
        known = list(inspect.signature(getattr(hookspecs, name)).parameters)
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name not in known:
                given = ", ".join(known) or "no arguments"
                raise TypeError(
                    f"hook {name} has no argument {parameter.name!r}; it is called with: {given}"
                )
            if parameter.default is not parameter.empty:
                raise TypeError(
                    f"hook {name}: argument {parameter.name!r} has a default, so pluggy never"
                    " passes it; remove the default"
                )
    manager.register(loaded, name=plugin.name)
    manager.check_pending()


def _offered(
    manager: pluggy.PluginManager,
    loaded: object,
    plugin: Plugin,
    offers: Mapping[str, Mapping[str, Offer]],
) -> list[tuple[str, Offer]]:
    """Everything one plugin offers, checked as a whole before any of it is accepted."""
    accepted: dict[tuple[str, str], Offer] = {}
    for kind, hook in HOOK_OF_KIND.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            if implementation.plugin is not loaded:
                continue
            for component in implementation.function() or ():
                _check(component, kind, hook)
                other = offers[kind].get(component.name) or accepted.get((kind, component.name))
                if other:
                    raise ValueError(
                        f"{kind} {component.name!r} is already offered by plugin {other.plugin},"
                        f" and again by plugin {plugin}: rename one, or set HARNESS_DISABLE_PLUGINS"
                        " to the name of the plugin to leave out"
                    )
                accepted[kind, component.name] = Offer(component, plugin)
    return [(kind, offer) for (kind, _), offer in accepted.items()]


def _check(component: Any, kind: str, hook: str) -> None:
    base = KINDS[kind]
    if not (inspect.isclass(component) and issubclass(component, base)):
        raise TypeError(f"{hook} must return subclasses of {base.__name__}, got {component!r}")
    if component.__bases__ != (base,):
        raise TypeError(
            f"{component.__name__} must derive from {base.__name__} alone: share functions, not"
            " base classes"
        )
    if inspect.isabstract(component):
        missing = ", ".join(sorted(component.__abstractmethods__))
        raise TypeError(f"{component.__name__} lacks {missing}")
    name = getattr(component, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise TypeError(f"{component.__name__}.name must be kebab-case, got {name!r}")
    for declared in {"supervision": ["provides"], "loss": ["requires"]}.get(kind, []):
        if not isinstance(getattr(component, declared, None), frozenset):
            raise TypeError(
                f"{component.__name__} must declare {declared}: a frozenset of what a weak label"
                " carries"
            )
    reserved = {"name", "weight", "ramp"} & set(component.model_fields)
    if reserved:
        raise TypeError(f"{component.__name__} has the reserved field names {sorted(reserved)}")
