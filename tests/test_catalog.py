"""Plugins: found, checked, isolated, and blamed by name."""

from __future__ import annotations

from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest
from installed import EXAMPLE, install

from harness.catalog import Catalog, load_catalog
from harness.core.errors import InputError

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


def catalog_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **sources: str | Path) -> Catalog:
    points: list[EntryPoint] = []
    for name, source in sources.items():
        # modules of different tests must not be each other's
        unique = f"{name}_{tmp_path.name.replace('-', '_')}"
        install(tmp_path, unique, source)
        distribution = Distribution.at(tmp_path / f"{unique}-1.0.dist-info")
        point = EntryPoint(name, unique, "harness")
        points.append(point._for(distribution))  # type: ignore[attr-defined]
    monkeypatch.syspath_prepend(tmp_path)
    return load_catalog(points, disabled=())


def test_built_ins_come_through_the_same_door() -> None:
    catalog = load_catalog(disabled=())
    assert {"executors", "imagery", "networks", "points", "synthetic"} <= {
        plugin.name for plugin in catalog.plugins
    }
    assert all(plugin.status == "ok" for plugin in catalog.plugins)
    assert catalog.find("loss", "cross-entropy").plugin.distribution == "weakseg-harness"


def test_the_example_plugin_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = catalog_of(tmp_path, monkeypatch, example=EXAMPLE)
    assert (catalog.names("model"), catalog.names("loss")) == (["tiny-convnet"], ["entropy"])


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


def test_disabled_plugins_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "never", "raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    catalog = load_catalog([EntryPoint("never", "never", "harness")], disabled=["never"])
    assert [(plugin.name, plugin.status) for plugin in catalog.plugins] == [("never", "disabled")]


def test_observers_get_copies_and_are_blamed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vandal = (
        "from harness.api import hookimpl\n@hookimpl\ndef harness_run_started(run):\n   "
        " run['method'] = 'x'\n    raise KeyError('oops')\n"
    )
    catalog = catalog_of(tmp_path, monkeypatch, vandal=vandal)
    run = {"method": "full"}
    assert list(catalog.notify("harness_run_started", run=run)) == [
        "plugin 'vandal' failed in harness_run_started: KeyError: 'oops'"
    ]
    assert run == {"method": "full"}
