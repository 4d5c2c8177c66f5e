"""Divides patches between training, validation and test. Owned by the core: no plugin decides, or
sees, what is tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.core.errors import InputError, suggestion
from harness.core.randomness import stream
from harness.core.values import Part
from harness.run.patches import PatchOrigin, PatchSet
from harness.scenario.settings import Split

PARTS: tuple[Part, ...] = ("train", "validation", "test")


Parts = Mapping[Part, tuple[int, ...]]


def divide(origins: Sequence[PatchOrigin], split: Split, size: int, seed: int) -> Parts:
    """The patch indices of each part for one seed.

    Test and validation take only patches on the grid of `size` pixels, so that overlapping training
    patches never count a pixel twice. Raises InputError when training or test would be empty, when
    a named group does not exist, or when there is no official split.
    """
    if split.by == "official":
        assigned: list[Part] = [_official(origin) for origin in origins]
    elif split.by == "patch":
        choice = _drawn([str(index) for index in range(len(origins))], split, seed)
        assigned = [choice.get(str(index), "train") for index in range(len(origins))]
    else:
        unit = "scene" if split.by == "scene" else "group"
        own = [origin.scene if split.by == "scene" else origin.group for origin in origins]
        units = sorted(set(own))
        if len(units) < 2:
            raise InputError(
                f"split by {split.by}: the data set has only one {unit}, {units[0]!r}: split"
                " another way"
            )
        choice = (
            {units[seed % len(units)]: "test"}
            if split.by == "leave-one-group-out"
            else _drawn(units, split, seed)
        )
        assigned = [choice.get(name, "train") for name in own]
    on_grid = [origin.row % size == 0 and origin.column % size == 0 for origin in origins]
    parts: dict[Part, tuple[int, ...]] = {
        part: tuple(
            index
            for index, own in enumerate(assigned)
            if own == part and (part == "train" or on_grid[index])
        )
        for part in PARTS
    }
    for part in PARTS:
        if not parts[part] and part != "validation":
            remedy = (
                "choose another split"
                if split.by == "official"
                else "change split.test or split.validation"
            )
            raise InputError(f"split by {split.by}: nothing is left for {part}: {remedy}")
    return parts


def check_valid(patches: PatchSet, parts: Parts, seed: int) -> None:
    """Raises InputError for a part whose pixels are all ignored: its scores, or the losses on it,
    would be no numbers."""
    for part, indices in parts.items():
        if indices and not patches.valid(indices):
            raise InputError(
                f"no valid pixel in the {part} part of seed {seed}: the masks ignore all of it:"
                " choose another split"
            )


def _official(origin: PatchOrigin) -> Part:
    if origin.part is None:
        raise InputError(
            f"scene {origin.scene} has no official split: use split: group, or leave-one-group-out"
        )
    return origin.part


def _drawn(units: Sequence[str], split: Split, seed: int) -> dict[str, Part]:
    """The units that are not for training. Named ones are taken first; a fraction draws from the
    rest, at least one unit."""
    chosen: dict[str, Part] = {}
    wanted: tuple[tuple[Part, float | tuple[str, ...]], ...] = (
        ("test", split.test),
        ("validation", split.validation),
    )
    for part, names in wanted:
        for name in names if isinstance(names, tuple) else ():
            if name not in units:
                raise InputError(f"split.{part}: no group {name!r}. {suggestion(name, units)}")
            if name in chosen:
                raise InputError(f"split: group {name!r} is in test and in validation")
            chosen[name] = part
    rest = [unit for unit in units if unit not in chosen]
    order = iter(
        stream(seed if split.seed is None else split.seed, "split").permutation(rest).tolist()
    )
    for part, fraction in wanted:
        if isinstance(fraction, float) and fraction:
            for _ in range(max(1, round(fraction * len(units)))):
                unit = next(order, None)
                if unit is not None:
                    chosen[unit] = part
    return chosen
