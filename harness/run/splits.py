"""Divide patches between training, validation and test.

The core owns this: no plugin decides, or sees, what is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.errors import InputError, suggestion
from harness.core.randomness import stream
from harness.core.values import Part
from harness.run.patches import PatchOrigin, PatchSet
from harness.scenario.settings import Split

PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Parts:
    """The patch indices of each part, in ascending order."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]

    def of(self, part: Part) -> tuple[int, ...]:
        """Return the indices of a part by its name."""
        indices: tuple[int, ...] = getattr(self, part)
        return indices


def divide(origins: Sequence[PatchOrigin], split: Split, size: int, seed: int) -> Parts:
    """Divide patches between the parts, for one seed.

    Args:
        origins: where each patch was cut.
        split: how to divide.
        size: height and width of a patch, in pixels.
        seed: decides what is drawn, unless the split pins a seed of its own.

    Raises:
        InputError: when training or test would be empty, when a named group does not exist, or
            when the data set has no official split.
    """
    assigned = _assign_parts(origins, split, seed)
    indices_of_part: dict[Part, list[int]] = {part: [] for part in PARTS}
    for index, part in enumerate(assigned):
        # Where the stride is smaller than the size, patches overlap. Training may see a pixel
        # twice; a score must not count it twice, so the other parts keep to the grid.
        if part == "train" or _is_on_grid(origins[index], size):
            indices_of_part[part].append(index)
    parts = Parts(**{part: tuple(indices) for part, indices in indices_of_part.items()})
    _check_not_empty(parts, split)
    return parts


def check_valid(patches: PatchSet, parts: Parts, seed: int) -> None:
    """Raise InputError for a part whose pixels are all ignored.

    Its scores, or the losses on it, would not be numbers.
    """
    for part in PARTS:
        indices = parts.of(part)
        if indices and not patches.has_valid_pixel(indices):
            raise InputError(
                f"no valid pixel in the {part} part of seed {seed}: the masks ignore all of it:"
                " choose another split"
            )


def _assign_parts(origins: Sequence[PatchOrigin], split: Split, seed: int) -> list[Part]:
    """Return the part of each patch."""
    if split.by == "official":
        return [_official_part(origin) for origin in origins]
    units = _units_of_patches(origins, split)
    # A patch is its own unit, in the order of the data set. Groups and scenes are sorted, so that
    # the draw does not depend on the order in which the data set lists them.
    candidates = units
    if split.by != "patch":
        candidates = sorted(set(units))
        _check_several(candidates, split)
    held_out: dict[str, Part] = {}
    if split.by == "leave-one-group-out":
        # Each group in turn; with more seeds than groups, from the first again.
        tested = candidates[seed % len(candidates)]
        held_out[tested] = "test"
    else:
        held_out = _hold_out(candidates, split, seed)
    return [held_out.get(unit, "train") for unit in units]


def _units_of_patches(origins: Sequence[PatchOrigin], split: Split) -> list[str]:
    """Return the name of the unit that each patch belongs to: units are divided as a whole."""
    units: list[str] = []
    for index, origin in enumerate(origins):
        match split.by:
            case "patch":
                units.append(str(index))
            case "scene":
                units.append(origin.scene)
            case _:
                units.append(origin.group)
    return units


def _check_several(units: Sequence[str], split: Split) -> None:
    if len(units) >= 2:
        return
    kind = "scene" if split.by == "scene" else "group"
    raise InputError(
        f"split by {split.by}: the data set has only one {kind}, {units[0]!r}: split another way"
    )


def _check_not_empty(parts: Parts, split: Split) -> None:
    remedy = "change split.test or split.validation"
    if split.by == "official":
        remedy = "choose another split"
    # A validation part is needed by some methods alone, which is checked where they are known.
    required: tuple[Part, ...] = ("train", "test")
    for part in required:
        if not parts.of(part):
            raise InputError(f"split by {split.by}: nothing is left for {part}: {remedy}")


def _is_on_grid(origin: PatchOrigin, size: int) -> bool:
    return origin.row % size == 0 and origin.column % size == 0


def _official_part(origin: PatchOrigin) -> Part:
    if origin.part is None:
        raise InputError(
            f"scene {origin.scene} has no official split: use split: group, or leave-one-group-out"
        )
    return origin.part


def _hold_out(units: Sequence[str], split: Split, seed: int) -> dict[str, Part]:
    """Choose the units for test and validation; all others are for training."""
    # Both parts' names before any draw, so that a fraction never draws a unit that is named.
    held_out = _named_units(units, split)
    rest = [unit for unit in units if unit not in held_out]
    if split.seed is not None:
        seed = split.seed
    generator = stream(seed, "split")
    order: list[str] = generator.permutation(rest).tolist()
    # One order serves both parts, test first: another fraction for validation leaves the test part
    # as it is, and scores stay comparable.
    taken = 0
    for part, wanted in _wanted(split):
        if isinstance(wanted, tuple):
            continue
        count = _count_units(wanted, len(units))
        drawn = order[taken : taken + count]
        for unit in drawn:
            held_out[unit] = part
        taken += count
    return held_out


def _wanted(split: Split) -> list[tuple[Part, float | tuple[str, ...]]]:
    """Return the held-out parts with the fraction, or the names, that a scenario asks for."""
    return [("test", split.test), ("validation", split.validation)]


def _named_units(units: Sequence[str], split: Split) -> dict[str, Part]:
    """Return the units that a scenario names, each with its part."""
    parts: dict[str, Part] = {}
    for part, wanted in _wanted(split):
        if not isinstance(wanted, tuple):
            continue
        for name in wanted:
            if name not in units:
                raise InputError(f"split.{part}: no group {name!r}. {suggestion(name, units)}")
            if name in parts:
                raise InputError(f"split: group {name!r} is in test and in validation")
            parts[name] = part
    return parts


def _count_units(fraction: float, total: int) -> int:
    """Return how many units a fraction of all of them is: at least one, unless it is zero.

    Of all units, not of those that are left beside the named ones: the fraction is what the
    scenario says.
    """
    if not fraction:
        return 0
    return max(1, round(fraction * total))
