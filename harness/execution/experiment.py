"""A scenario made ready to run: its runs, and its patches cut and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.catalog import Catalog
from harness.core.errors import InputError, suggestion
from harness.core.paths import cache_root, check_writable
from harness.plan.keys import data_fingerprint
from harness.plan.runs import Run, expand
from harness.run.patches import PatchSet, check_channels, open_patches
from harness.run.splits import check_valid, divide
from harness.scenario.resolve import read_scenario
from harness.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Experiment:
    """A scenario with its data fingerprint and all its runs; `chosen` are those asked for."""

    scenario: Scenario
    data: str
    runs: tuple[Run, ...]
    chosen: tuple[Run, ...]


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
    if path.suffix in (".yaml", ".yml") and path.parent.is_dir():
        folders = [path.parent]
    names = {file.stem for folder in folders for file in folder.glob("*.yaml")}
    raise InputError(
        f"no scenario {text}: give the path of a YAML file, or a name in scenarios/."
        f" {suggestion(path.stem, names)}"
    )


def shipped_scenarios() -> Path:
    """Return the folder of the scenarios that come with the harness."""
    package = Path(__file__).parents[1]
    in_wheel = package / "scenarios"
    return in_wheel if in_wheel.is_dir() else package.parent / "scenarios"


def prepare(
    catalog: Catalog, text: str, profile: str | None, settings: Sequence[str], only: Sequence[str]
) -> Experiment:
    """Reads and expands a scenario. Raises InputError for every mistake that can be seen before
    anything is computed."""
    scenario = read_scenario(find_scenario(text), catalog, profile, settings)
    names = [method.name for method in scenario.methods]
    for name in only:
        if name not in names:
            raise InputError(f"--only {name}: no such method. {suggestion(name, names)}")
    check_writable("CACHE")
    data = data_fingerprint(scenario.dataset, cache_root() / "digests.json")
    runs = expand(scenario, data)
    return Experiment(
        scenario, data, runs, tuple(run for run in runs if not only or run.method.name in only)
    )


def cut_patches(experiment: Experiment) -> PatchSet:
    """The patches of an experiment, cut now if need be; checks that a network can take them, and
    that every seed can be split."""
    scenario = experiment.scenario
    patches = open_patches(scenario.dataset, experiment.data, scenario.patches, cache_root())
    if not all(method.floor for method in scenario.methods):
        check_channels(patches.images.shape[3], scenario.patches.normalise)
    for seed in scenario.seeds:
        parts = divide(patches.origins, scenario.split, scenario.patches.size, seed)
        check_valid(patches, parts, seed)
        if scenario.training.validation != "none" and not parts["validation"]:
            raise InputError(
                f"training.validation: {scenario.training.validation} needs a validation part: set"
                " split.validation above 0"
            )
        for method in scenario.methods:
            if not parts[method.part]:
                raise InputError(
                    f"methods.{method.name}.trains_on: validation needs a validation part: set"
                    " split.validation above 0"
                )
    return patches
