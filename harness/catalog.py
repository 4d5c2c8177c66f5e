"""Finds plugins through the entry-point group `harness` and holds the components they offer.

This is the only module that touches pluggy. Listing fails open: a broken plugin is a row with its
error. Using fails closed: a component that a broken or conflicting plugin should have given is an
error that names the plugin. The catalog is a value, passed as an argument; nothing is registered by
importing.
"""

from __future__ import annotations

import copy
import inspect
import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeVar, cast

import pluggy

from harness import hookspecs
from harness.core.components import Component, Dataset, Executor, Loss, Model, Supervision
from harness.core.errors import InputError, suggestion

GROUP = "harness"

KEBAB_CASE = r"[a-z0-9]+(-[a-z0-9]+)*"

RESERVED_FIELDS = {"name", "weight", "ramp"}
"""What a scenario writes beside a component's own fields."""

ComponentT = TypeVar("ComponentT", bound=Component)


@dataclass(frozen=True, slots=True)
class ComponentKind:
    """A kind of component."""

    base: type[Component]
    """The class that its components derive from."""
    hook: str
    """The hook that offers them."""
    declares: str | None = None
    """The class variable that its components must set, to a frozenset of provisions."""


KINDS: Mapping[str, ComponentKind] = {
    "dataset": ComponentKind(Dataset, "harness_datasets"),
    "supervision": ComponentKind(Supervision, "harness_supervisions", declares="provides"),
    "loss": ComponentKind(Loss, "harness_losses", declares="requires"),
    "model": ComponentKind(Model, "harness_models"),
    "executor": ComponentKind(Executor, "harness_executors"),
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point: where it comes from, and whether it works."""

    name: str
    """The name of the entry point."""
    distribution: str
    """The name of the distribution that has it."""
    version: str
    """The version of the distribution."""
    status: Literal["ok", "disabled", "broken"] = "ok"
    """Whether its components can be used."""
    error: str = ""
    """What is wrong with a broken one, in one line."""
    details: str = ""
    """The traceback of a broken one."""
    conflicts: frozenset[tuple[str, str]] = frozenset()
    """The kind and name of each component of a broken one that another plugin offers as well."""

    def __str__(self) -> str:
        return f"{self.name!r} ({self.distribution} {self.version})"


@dataclass(frozen=True, slots=True)
class Offer:
    """A component class and the plugin that offers it."""

    component: type[Component]
    """The class."""
    plugin: Plugin
    """Where it comes from."""


Offers = Mapping[str, Mapping[str, Offer]]
"""What is offered, by kind and name."""


@dataclass(frozen=True)
class Catalog:
    """All plugins, and all components by kind and name."""

    plugins: tuple[Plugin, ...]
    """The plugins in order of name, broken and disabled ones too."""
    offers: Offers
    """The components of the plugins that work."""
    manager: pluggy.PluginManager = field(repr=False)
    """Holds the hooks of the plugins that work."""

    def names(self, kind: str) -> list[str]:
        """Return the names of the components of a kind, sorted."""
        return sorted(self.offers[kind])

    def component(self, base: Callable[..., ComponentT], name: str) -> type[ComponentT]:
        """Return the component class of a kind and name.

        Args:
            base: The kind, as the class that its components derive from: Dataset, Loss, ...
                (Typed as what makes such components, since mypy takes no abstract class for a
                `type[ComponentT]`.)
            name: The name that a scenario has.

        Raises:
            InputError: as `find` does.
        """
        for kind_name, kind in KINDS.items():
            if kind.base is base:
                # Checked by `_check_component` when the plugin was loaded.
                return cast("type[ComponentT]", self.find(kind_name, name).component)
        raise TypeError(f"{base!r} is no kind of component")

    def find(self, kind: str, name: str) -> Offer:
        """Return the component of a kind and name, with its plugin.

        Raises:
            InputError: with the nearest name and what is installed, where there is no such
                component; or where two plugins offer it, even if one of them works.
        """
        for plugin in self.plugins:
            if (kind, name) in plugin.conflicts:
                raise InputError(
                    f"{kind} {name!r} is ambiguous: plugin {plugin} is broken: {plugin.error}"
                )
        if name in self.offers[kind]:
            return self.offers[kind][name]
        message = f"no {kind} named {name!r}. {suggestion(name, self.names(kind))}"
        broken = [str(plugin) for plugin in self.plugins if plugin.status == "broken"]
        if broken:
            message += (
                f" Broken plugins, which may have offered it: {', '.join(broken)}; see `harness"
                " plugins`."
            )
        raise InputError(message)

    def notify(self, hook: str, **arguments: Any) -> Iterator[str]:
        """Call an observer hook of every plugin; yield a line for each plugin that raised."""
        # Called one by one, because pluggy's own call ends with the first plugin that raises.
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            # Copies, so that no observer can change a run, or what the next observer sees.
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
    """Load every plugin, in order of name.

    Args:
        points: The entry points; by default those of all installed distributions.
        disabled: The names of plugins to leave out; by default those in HARNESS_DISABLE_PLUGINS,
            with commas between them.
    """
    if points is None:
        points = entry_points(group=GROUP)
    if disabled is None:
        disabled = os.environ.get("HARNESS_DISABLE_PLUGINS", "").split(",")
    disabled = frozenset(disabled)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    offers: dict[str, dict[str, Offer]] = {kind: {} for kind in KINDS}
    plugins = []
    # Not by pluggy's own loader: it takes entry points in no order, and an import that fails ends
    # it without a word of the plugin.
    for point in sorted(points, key=lambda point: point.name):
        if point.name in disabled:
            plugins.append(replace(_describe_entry_point(point), status="disabled"))
        else:
            plugins.append(_load_plugin(point, manager, offers))
    return Catalog(tuple(plugins), offers, manager)


def _describe_entry_point(point: EntryPoint) -> Plugin:
    """Return the plugin of an entry point, which need not be imported for it."""
    if point.dist is None:
        return Plugin(point.name, "unknown", "0")
    return Plugin(point.name, point.dist.name, point.dist.version)


def _load_plugin(
    point: EntryPoint, manager: pluggy.PluginManager, offers: dict[str, dict[str, Offer]]
) -> Plugin:
    """Import a plugin and add what it offers, or nothing of it where anything is wrong."""
    plugin = _describe_entry_point(point)
    conflicts: list[tuple[str, str]] = []
    try:
        module = point.load()
        _check_hooks(module)
        manager.register(module, name=plugin.name)
        manager.check_pending()
        components = _offered_components(manager, module)
        conflicts = _find_conflicts(components, offers)
        if conflicts:
            raise ValueError(_describe_conflict(conflicts[0], plugin, offers))
    except Exception as error:  # a broken plugin is a row of the listing, not the end of it
        if manager.has_plugin(plugin.name):
            manager.unregister(name=plugin.name)
        return replace(
            plugin,
            status="broken",
            error=f"{type(error).__name__}: {error}".splitlines()[0],
            details="".join(traceback.format_exception(error)),
            conflicts=frozenset(conflicts),
        )
    for kind, component in components:
        offers[kind][component.name] = Offer(component, plugin)
    return plugin


def _check_hooks(module: object) -> None:
    """Raise TypeError where a hook of a plugin would never be called, or not as it expects."""
    hooks = [
        name
        for name, _ in inspect.getmembers(hookspecs, inspect.isfunction)
        if name.startswith("harness_")
    ]
    for name, function in inspect.getmembers(module, inspect.isroutine):
        marked = getattr(function, "harness_impl", None) is not None
        # Pluggy does not see a function without the decorator, so its hook would be silent.
        if name.startswith("harness_") and not marked:
            raise TypeError(f"function {name} is not decorated: add @hookimpl from harness.api")
        if not marked:
            continue
        if name not in hooks:
            raise TypeError(f"unknown hook {name!r}. {suggestion(name, hooks)}")
        _check_arguments(name, function)


def _check_arguments(hook: str, function: Callable[..., Any]) -> None:
    """Raise TypeError where a hook has an argument that it would not get."""
    given = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in given:
            raise TypeError(
                f"hook {hook} has no argument {parameter.name!r}; it is called with:"
                f" {', '.join(given) or 'no arguments'}"
            )
        if parameter.default is not parameter.empty:
            raise TypeError(
                f"hook {hook}: argument {parameter.name!r} has a default, so pluggy never"
                " passes it; remove the default"
            )


def _offered_components(
    manager: pluggy.PluginManager, module: object
) -> list[tuple[str, type[Component]]]:
    """Return the kind and class of each component that a plugin offers, all of them checked."""
    components = []
    for kind_name, kind in KINDS.items():
        # The results of a pluggy call come without the plugin's name, last plugin first.
        for implementation in getattr(manager.hook, kind.hook).get_hookimpls():
            if implementation.plugin is not module:
                continue
            for component in implementation.function() or ():
                _check_component(component, kind)
                components.append((kind_name, component))
    return components


def _find_conflicts(
    components: Iterable[tuple[str, type[Component]]], offers: Offers
) -> list[tuple[str, str]]:
    """Return the kind and name of each component that is offered already, or offered twice."""
    conflicts = []
    seen = set()
    for kind, component in components:
        kind_and_name = (kind, component.name)
        if component.name in offers[kind] or kind_and_name in seen:
            conflicts.append(kind_and_name)
        seen.add(kind_and_name)
    return conflicts


def _describe_conflict(conflict: tuple[str, str], plugin: Plugin, offers: Offers) -> str:
    """Say which plugins offer a component of the same kind and name, and what to do."""
    kind, name = conflict
    earlier = plugin
    if name in offers[kind]:
        earlier = offers[kind][name].plugin
    return (
        f"{kind} {name!r} is already offered by plugin {earlier}, and again by plugin {plugin}:"
        " rename one, or set HARNESS_DISABLE_PLUGINS to the name of the plugin to leave out"
    )


def _check_component(component: Any, kind: ComponentKind) -> None:
    """Raise TypeError where something that a hook returned is no component of its kind."""
    base = kind.base
    if not (inspect.isclass(component) and issubclass(component, base)):
        raise TypeError(f"{kind.hook} must return subclasses of {base.__name__}, got {component!r}")
    # A class between the two could change what a component does outside of the source that is
    # hashed into the key.
    if component.__bases__ != (base,):
        raise TypeError(
            f"{component.__name__} must derive from {base.__name__} alone: share functions, not"
            " base classes"
        )
    if inspect.isabstract(component):
        missing = ", ".join(sorted(component.__abstractmethods__))
        raise TypeError(f"{component.__name__} lacks {missing}")
    name = getattr(component, "name", None)
    if not isinstance(name, str) or not re.fullmatch(KEBAB_CASE, name):
        raise TypeError(f"{component.__name__}.name must be kebab-case, got {name!r}")
    if kind.declares and not isinstance(getattr(component, kind.declares, None), frozenset):
        raise TypeError(
            f"{component.__name__} must declare {kind.declares}: a frozenset of what a weak label"
            " carries"
        )
    reserved = RESERVED_FIELDS & set(component.model_fields)
    if reserved:
        raise TypeError(f"{component.__name__} has the reserved field names {sorted(reserved)}")
