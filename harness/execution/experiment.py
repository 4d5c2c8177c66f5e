"""A scenario made ready to run: its runs, and its patches cut and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.catalog import Catalog
from harness.core.errors import InputError, suggestion
from harness.core.paths import cache_root, check_writable
from harness.plan.fingerprints import data_fingerprint
from harness.plan.runs import Run, expand
from harness.run.patches import PatchSet, check_channels, open_patches
from harness.run.splits import check_valid, divide
from harness.scenario.resolve import read_scenario
from harness.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Experiment:
    """A scenario with its runs."""

    scenario: Scenario
    """What the YAML file says."""
    data: str
    """The fingerprint of its data set."""
    runs: tuple[Run, ...]
    """All runs of the scenario."""
    chosen: tuple[Run, ...]
    """Those that were asked for."""


def find_scenario(text: str) -> Path:
    """Find the file of a scenario.

    Args:
        text: a path, or a name below `scenarios/` here or among the scenarios that are shipped.

    Raises:
        InputError: with the nearest name, where there is no such file.
    """
    path = Path(text)
    if path.is_file():
        return path
    folders = [Path("scenarios"), shipped_scenarios()]
    for folder in folders:
        named = folder / f"{text}.yaml"
        if named.is_file():
            return named
    # Of a path that is misspelt, the neighbours are nearer than the scenarios elsewhere.
    if path.suffix in (".yaml", ".yml") and path.parent.is_dir():
        folders = [path.parent]
    names: set[str] = set()
    for folder in folders:
        names.update(file.stem for file in folder.glob("*.yaml"))
    raise InputError(
        f"no scenario {text}: give the path of a YAML file, or a name in scenarios/."
        f" {suggestion(path.stem, names)}"
    )


def shipped_scenarios() -> Path:
    """Return the folder of the scenarios that come with the harness."""
    package = Path(__file__).parents[1]
    # In a checkout they are beside the package, in a wheel they are inside it.
    in_wheel = package / "scenarios"
    if in_wheel.is_dir():
        return in_wheel
    return package.parent / "scenarios"


def prepare(
    catalog: Catalog, text: str, profile: str | None, settings: Sequence[str], only: Sequence[str]
) -> Experiment:
    """Read and expand a scenario.

    Args:
        catalog: The plugins.
        text: The path or name of the scenario.
        profile: The profile to use, or None for the scenario as it stands.
        settings: Overrides, as `training.epochs=3`.
        only: The methods to choose; all where there are none.

    Raises:
        InputError: for every mistake that can be seen before anything is computed.
    """
    scenario = read_scenario(find_scenario(text), catalog, profile, settings)
    names = [method.name for method in scenario.methods]
    for name in only:
        if name not in names:
            raise InputError(f"--only {name}: no such method. {suggestion(name, names)}")
    check_writable("CACHE")
    data = data_fingerprint(scenario.dataset, cache_root() / "digests.json")
    runs = expand(scenario, data)
    chosen = runs
    if only:
        chosen = tuple(run for run in runs if run.method.name in only)
    return Experiment(scenario, data, runs, chosen)


def cut_patches(experiment: Experiment) -> PatchSet:
    """Return the patches of an experiment, cut now if need be.

    Raises:
        InputError: where a network cannot take them, or a seed cannot be split.
    """
    scenario = experiment.scenario
    patches = open_patches(scenario.dataset, experiment.data, scenario.patches, cache_root())
    # Floors take any number of channels, and a scenario may have nothing but floors.
    if not all(method.floor for method in scenario.methods):
        channels = patches.images.shape[3]
        check_channels(channels, scenario.patches.normalise)
    for seed in scenario.seeds:
        _check_split(scenario, patches, seed)
    return patches


def _check_split(scenario: Scenario, patches: PatchSet, seed: int) -> None:
    """Raise InputError where the split of a seed lacks a part that a method needs."""
    parts = divide(patches.origins, scenario.split, scenario.patches.size, seed)
    check_valid(patches, parts, seed)
    remedy = "needs a validation part: set split.validation above 0"
    validation = scenario.training.validation
    if validation != "none" and not parts.validation:
        raise InputError(f"training.validation: {validation} {remedy}")
    for method in scenario.methods:
        if not parts.of(method.part):
            raise InputError(f"methods.{method.name}.trains_on: validation {remedy}")
