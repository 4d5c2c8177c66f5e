"""Plugins: found, checked, isolated, and blamed by name."""

from __future__ import annotations

import inspect
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import assert_type

import pytest
from installed import EXAMPLE, install

from harness import hookspecs
from harness.catalog import KINDS, Catalog, load_catalog
from harness.core.components import Dataset, Executor
from harness.core.errors import InputError
from harness.execution.local import Inline

LOSS = '''
from typing import ClassVar
from harness.api import *
from harness.api import hookimpl
class Own(Loss):
    """A loss."""
    name: ClassVar[str] = "own"
    requires: ClassVar[frozenset[str]] = frozenset({"labels"})
    def __call__(self, logits, batch):
        return logits.sum()
@hookimpl
def harness_losses():
    return [Own]
'''

VANDAL = """
from harness.api import hookimpl
@hookimpl
def harness_run_started(run):
    run["method"] = "x"
    raise KeyError("oops")
"""


def catalog_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **sources: str | Path) -> Catalog:
    """Return a catalog of plugins with these names and sources, and of no others."""
    points: list[EntryPoint] = []
    for name, source in sources.items():
        # Modules of different tests must not be each other's.
        module = f"{name}_{tmp_path.name.replace('-', '_')}"
        install(tmp_path, module, source)
        distribution = Distribution.at(tmp_path / f"{module}-1.0.dist-info")
        point = EntryPoint(name, module, "harness")
        points.append(point._for(distribution))  # type: ignore[attr-defined]
    monkeypatch.syspath_prepend(tmp_path)
    return load_catalog(points, disabled=())


def test_built_ins_come_through_the_same_door() -> None:
    catalog = load_catalog(disabled=())
    names = {plugin.name for plugin in catalog.plugins}
    assert {"executors", "imagery", "networks", "points", "synthetic"} <= names
    assert all(plugin.status == "ok" for plugin in catalog.plugins)
    assert catalog.find("loss", "cross-entropy").plugin.distribution == "weakseg-harness"


def test_a_component_is_found_by_its_kind_and_name() -> None:
    catalog = load_catalog(disabled=())
    executor = catalog.component(Executor, "inline")
    assert_type(executor, type[Executor])
    assert executor is Inline
    with pytest.raises(InputError, match="no dataset named 'inline'"):
        catalog.component(Dataset, "inline")
    with pytest.raises(TypeError, match="is no kind of component"):
        catalog.component(Inline, "inline")


def test_every_hook_that_returns_components_is_a_kind() -> None:
    observers = {"harness_run_started", "harness_epoch_finished", "harness_run_finished"}
    functions = inspect.getmembers(hookspecs, inspect.isfunction)
    hooks = {name for name, _ in functions if name.startswith("harness_")}
    assert {kind.hook for kind in KINDS.values()} == hooks - observers


def test_the_example_plugin_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = catalog_of(tmp_path, monkeypatch, example=EXAMPLE)
    assert catalog.names("model") == ["tiny-convnet"]
    assert catalog.names("loss") == ["entropy"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("x = 1/0", "ZeroDivisionError"),
        (
            LOSS.replace("def harness_losses", "def harness_loses"),
            "unknown hook 'harness_loses'. Did you mean 'harness_losses'?",
        ),
        (
            LOSS.replace("@hookimpl\n", ""),
            "function harness_losses is not decorated: add @hookimpl",
        ),
        (
            LOSS.replace("harness_losses()", "harness_losses(config)"),
            "hook harness_losses has no argument 'config'",
        ),
        (
            LOSS.replace("def harness_losses()", "def harness_run_started(run=None)"),
            "argument 'run' has a default",
        ),
        (LOSS.replace("[Own]", "[Own, Own]"), "loss 'own' is already offered by plugin 'bad'"),
        (LOSS.replace("[Own]", "[Own()]"), "must return subclasses of Loss"),
        (LOSS.replace("(Loss)", "(Model)"), "must return subclasses of Loss"),
        (
            LOSS.replace("[Own]", "[type('Sub', (Own,), {'__module__': __name__})]"),
            "must derive from Loss alone",
        ),
        (LOSS.replace("__call__", "call"), "Own lacks __call__"),
        (LOSS.replace('"own"', '"My Own"'), "Own.name must be kebab-case"),
        (LOSS.replace("    requires", "    needs"), "Own must declare requires"),
        (
            LOSS.replace("    def", "    weight: float = 1.0\n    def"),
            "reserved field names ['weight']",
        ),
        (LOSS.replace("return [Own]", "raise OSError('gone')"), "OSError: gone"),
    ],
)
def test_a_broken_plugin_is_named_and_isolated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: str
) -> None:
    good = LOSS.replace('"own"', '"good"')
    catalog = catalog_of(tmp_path, monkeypatch, bad=source, good=good)
    bad, fine = catalog.plugins
    assert (bad.name, bad.status, fine.status) == ("bad", "broken", "ok")
    assert error in bad.error
    assert "Traceback" in bad.details
    assert catalog.names("loss") == ["good"]
    with pytest.raises(InputError, match="Broken plugins, which may have offered it: 'bad'"):
        catalog.find("loss", "missing")


def test_a_name_offered_twice_is_an_error_that_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = catalog_of(tmp_path, monkeypatch, first=LOSS, second=LOSS)
    assert [plugin.status for plugin in catalog.plugins] == ["ok", "broken"]
    with pytest.raises(InputError, match="loss 'own' is ambiguous") as caught:
        catalog.find("loss", "own")
    assert "'first'" in str(caught.value)
    assert "'second'" in str(caught.value)


def test_every_name_offered_twice_is_ambiguous(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LOSS + LOSS.replace("Own", "Other").replace('"own"', '"other"')
    source = source.replace("return [Other]", "return [Own, Other]")
    catalog = catalog_of(tmp_path, monkeypatch, first=source, second=source)
    assert catalog.plugins[1].conflicts == {("loss", "own"), ("loss", "other")}
    for name in ("own", "other"):
        with pytest.raises(InputError, match=f"loss '{name}' is ambiguous"):
            catalog.find("loss", name)


def test_disabled_plugins_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "never", "raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    catalog = load_catalog([EntryPoint("never", "never", "harness")], disabled=["never"])
    assert [(plugin.name, plugin.status) for plugin in catalog.plugins] == [("never", "disabled")]


def test_observers_get_copies_and_are_blamed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = catalog_of(tmp_path, monkeypatch, vandal=VANDAL)
    run = {"method": "full"}
    assert list(catalog.notify("harness_run_started", run=run)) == [
        "plugin 'vandal' failed in harness_run_started: KeyError: 'oops'"
    ]
    assert run == {"method": "full"}
