"""Division of patches between training, validation and test."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core.errors import InputError
from harness.core.values import Part
from harness.run.patches import PatchOrigin
from harness.run.splits import PARTS, Parts, divide
from harness.scenario.settings import Split

SIZE = 8
"""Height and width of a patch."""

FIVE = {"a": 2, "b": 1, "c": 3, "d": 1, "e": 2}
"""Patches of five groups."""

TEN = dict.fromkeys("abcdefghij", 1)

group_sizes = st.lists(st.integers(1, 4), min_size=3, max_size=12).map(
    lambda sizes: {f"g{i}": size for i, size in enumerate(sizes)}
)


def patches(groups: Mapping[str, int], part: Part | None = None) -> list[PatchOrigin]:
    """So many patches of each group in one row, each group one scene."""
    origins: list[PatchOrigin] = []
    for group, count in groups.items():
        for position in range(count):
            scene = f"scene of {group}"
            origins.append(PatchOrigin(scene, group, part, 0, SIZE * position))
    return origins


def grouped(origins: Sequence[PatchOrigin], parts: Parts) -> dict[Part, list[str]]:
    """The groups of each part."""
    groups: dict[Part, list[str]] = {}
    for part in PARTS:
        names = {origins[index].group for index in parts.of(part)}
        groups[part] = sorted(names)
    return groups


def count_parts(parts: Parts) -> tuple[int, ...]:
    """The number of patches for training, validation and test."""
    return tuple(len(parts.of(part)) for part in PARTS)


def together(values_of_parts: Iterable[Sequence[Any]]) -> list[Any]:
    """What parts hold together, sorted; a value in two of them is there twice."""
    return sorted(itertools.chain.from_iterable(values_of_parts))


def indices_of_parts(parts: Parts) -> list[tuple[int, ...]]:
    """The patch indices of training, validation and test."""
    return [parts.of(part) for part in PARTS]


def drawn_test_parts(origins: Sequence[PatchOrigin], split: Split) -> set[tuple[int, ...]]:
    """The different test parts that six seeds draw."""
    drawn = set()
    for seed in range(6):
        drawn.add(divide(origins, split, SIZE, seed).test)
    return drawn


def test_official_is_what_the_data_set_says() -> None:
    parts: list[Part] = ["test", "train", "validation", "train"]
    origins = []
    for number, part in enumerate(parts):
        origins.append(PatchOrigin(f"s{number}", f"s{number}", part, 0, 0))
    expected = Parts(train=(1, 3), validation=(2,), test=(0,))
    for seed in range(3):
        assert divide(origins, Split(), SIZE, seed) == expected


def test_named_groups_are_taken_as_named_whatever_the_seed() -> None:
    origins = patches(FIVE)
    split = Split(by="group", test=("c",), validation=("a", "e"))
    expected = {"train": ["b", "d"], "validation": ["a", "e"], "test": ["c"]}
    for seed in range(3):
        assert grouped(origins, divide(origins, split, SIZE, seed)) == expected


@given(st.integers(0, 50), st.sampled_from(list(FIVE)))
def test_a_fraction_draws_from_the_groups_that_are_not_named(seed: int, name: str) -> None:
    origins = patches(FIVE)
    split = Split(by="group", test=(name,), validation=0.4)
    groups = grouped(origins, divide(origins, split, SIZE, seed))
    assert groups["test"] == [name]
    assert len(groups["validation"]) == 2
    assert together(groups.values()) == list(FIVE)


@pytest.mark.parametrize(
    ("test", "validation", "counts"),
    [
        (0.2, 0.0, (8, 0, 2)),
        (0.3, 0.2, (5, 2, 3)),
        (0.01, 0.01, (8, 1, 1)),
        (0.26, 0.0, (7, 0, 3)),
        (0.5, 0.4, (1, 4, 5)),
    ],
)
@pytest.mark.parametrize("by", ["group", "scene", "patch"])
def test_fractions_are_rounded_to_whole_units_and_at_least_one(
    by: Any, test: float, validation: float, counts: tuple[int, ...]
) -> None:
    split = Split(by=by, test=test, validation=validation)
    parts = divide(patches(TEN), split, SIZE, 3)
    assert count_parts(parts) == counts


@pytest.mark.parametrize("by", ["group", "scene", "patch"])
def test_another_fraction_for_validation_leaves_the_test_part_as_it_is(by: Any) -> None:
    origins = patches(TEN)
    without = divide(origins, Split(by=by, test=0.3), SIZE, 3)
    with_some = divide(origins, Split(by=by, test=0.3, validation=0.2), SIZE, 3)
    assert without.test == with_some.test


@given(
    group_sizes,
    st.integers(0, 1000),
    st.floats(0.01, 0.4),
    st.floats(0, 0.2),
    st.sampled_from(["group", "patch", "leave-one-group-out"]),
)
def test_parts_are_disjoint_and_complete_and_groups_undivided(
    sizes: dict[str, int], seed: int, test: float, validation: float, by: Any
) -> None:
    origins = patches(sizes)
    if by == "leave-one-group-out":
        validation = 0.0
    split = Split(by=by, test=test, validation=validation)
    parts = divide(origins, split, SIZE, seed)
    assert together(indices_of_parts(parts)) == list(range(len(origins)))
    for indices in indices_of_parts(parts):
        assert list(indices) == sorted(indices)
    if by != "patch":
        assert together(grouped(origins, parts).values()) == sorted(sizes)


def tiles_of_scenes(sizes: Sequence[Sequence[int]]) -> Iterator[PatchOrigin]:
    """Tiles that are groups of scenes, which have so many patches."""
    for tile, scene_sizes in enumerate(sizes):
        for scene, count in enumerate(scene_sizes):
            for position in range(count):
                key = f"tile-{tile}/{scene}"
                yield PatchOrigin(key, f"tile-{tile}", None, 0, SIZE * position)


@given(
    st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=9), min_size=1, max_size=8),
    st.integers(0, 99),
    st.sampled_from([0.0, 0.2]),
)
def test_a_split_by_scene_keeps_scenes_whole_and_divides_groups(
    sizes: list[list[int]], seed: int, validation: float
) -> None:
    scene_count = sum(len(scene_sizes) for scene_sizes in sizes)
    assume(scene_count > 2)
    origins = list(tiles_of_scenes(sizes))
    parts = divide(origins, Split(by="scene", test=0.25, validation=validation), SIZE, seed)
    assert together(indices_of_parts(parts)) == list(range(len(origins)))
    scenes: dict[Part, list[str]] = {}
    for part in PARTS:
        keys = {origins[index].scene for index in parts.of(part)}
        scenes[part] = list(keys)
    # A scene in two parts would be counted twice.
    assert len(together(scenes.values())) == scene_count
    assert len(scenes["test"]) == max(1, round(0.25 * scene_count))


def test_a_split_by_scene_of_72_images_tests_14_of_all_tiles() -> None:
    origins = list(tiles_of_scenes([[1] * 9] * 8))
    parts = divide(origins, Split(by="scene", test=0.2), SIZE, 0)
    assert count_parts(parts) == (58, 0, 14)
    # A split by tile would test on two.
    tested_tiles = {origins[index].group for index in parts.test}
    assert len(tested_tiles) > 2


def test_leave_one_group_out_tests_every_group_in_turn() -> None:
    origins = patches(FIVE)
    tested = []
    for seed in range(7):
        parts = divide(origins, Split(by="leave-one-group-out"), SIZE, seed)
        tested.extend(grouped(origins, parts)["test"])
    assert tested == ["a", "b", "c", "d", "e", "a", "b"]


@pytest.mark.parametrize("by", ["group", "scene", "patch"])
def test_every_seed_draws_its_own_split_unless_one_is_pinned(by: Any) -> None:
    origins = patches(dict.fromkeys("abcdefghijklmnop", 1))
    drawn = drawn_test_parts(origins, Split(by=by))
    pinned = drawn_test_parts(origins, Split(by=by, seed=4))
    assert len(drawn) > 1
    assert pinned == {divide(origins, Split(by=by), SIZE, 4).test}


@pytest.mark.parametrize("by", ["group", "scene", "patch", "leave-one-group-out"])
def test_the_same_seed_draws_the_same_split(by: Any) -> None:
    origins = patches(FIVE)
    assert divide(origins, Split(by=by), SIZE, 5) == divide(origins, Split(by=by), SIZE, 5)


@pytest.mark.parametrize("by", ["group", "leave-one-group-out"])
def test_a_split_by_groups_depends_on_the_groups_not_on_the_order_of_scenes(by: Any) -> None:
    forward = patches(FIVE)
    backward = patches(dict(reversed(FIVE.items())))
    split = Split(by=by)
    for seed in range(4):
        forward_groups = grouped(forward, divide(forward, split, SIZE, seed))
        backward_groups = grouped(backward, divide(backward, split, SIZE, seed))
        assert forward_groups == backward_groups


def test_only_training_takes_overlapping_patches() -> None:
    origins: list[PatchOrigin] = []
    for group, part in zip("abc", PARTS, strict=True):
        for row in (0, 4, 8):
            for column in (0, 4, 8):
                origins.append(PatchOrigin(group, group, part, row, column))
    parts = divide(origins, Split(), SIZE, 0)
    assert len(parts.train) == 9
    held_out: list[Part] = ["validation", "test"]
    for part in held_out:
        corners = [(origins[index].row, origins[index].column) for index in parts.of(part)]
        assert corners == [(0, 0), (0, 8), (8, 0), (8, 8)]


@pytest.mark.parametrize(
    ("origins", "split", "message"),
    [
        (
            patches(FIVE),
            Split(),
            "scene scene of a has no official split: use split: group, or leave-one-group-out",
        ),
        (
            patches(FIVE, "train"),
            Split(),
            "split by official: nothing is left for test: choose another split",
        ),
        (patches(FIVE, "test"), Split(), "split by official: nothing is left for train"),
        (
            patches({"a": 9}),
            Split(by="group"),
            "split by group: the data set has only one group, 'a': split another way",
        ),
        (
            patches({"a": 9}),
            Split(by="leave-one-group-out"),
            "split by leave-one-group-out: the data set has only one group, 'a'",
        ),
        (patches(FIVE), Split(by="group", test=("aa",)), "split.test: no group 'aa'."),
        (
            patches({"tile-1": 1, "tile-2": 1}),
            Split(by="group", test=("tile1",)),
            "Did you mean 'tile-1'? Known: tile-1, tile-2.",
        ),
        (patches(FIVE), Split(by="group", validation=("z",)), "split.validation: no group 'z'."),
        (
            patches(FIVE),
            Split(by="group", test=("a",), validation=("b", "a")),
            "split: group 'a' is in test and in validation",
        ),
        (
            patches(FIVE),
            Split(by="group", test=tuple("abcde")),
            "split by group: nothing is left for train",
        ),
        (
            patches({"a": 1, "b": 1}),
            Split(by="group", test=0.5, validation=0.4),
            "split by group: nothing is left for train",
        ),
        (
            patches({"a": 3}),
            Split(by="scene"),
            "split by scene: the data set has only one scene, 'scene of a': split another way",
        ),
        (patches({"a": 1}), Split(by="patch"), "split by patch: nothing is left for train"),
    ],
)
def test_a_split_that_cannot_be_is_an_error_that_says_why(
    origins: list[PatchOrigin], split: Split, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        divide(origins, split, SIZE, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": "group", "test": 1.0}, "fractions from 0 to below 1"),
        ({"by": "group", "validation": -0.1}, "fractions from 0 to below 1"),
        ({"by": "group", "test": 0.6, "validation": 0.4}, "leave nothing to train on"),
        ({"by": "patch", "test": ("a",)}, "need `by: group`"),
        ({"by": "scene", "test": ("a",)}, "need `by: group`"),
        ({"by": "scene", "test": 0.0}, "test is empty"),
        ({"by": "official", "validation": ("a",)}, "need `by: group`"),
        ({"by": "group", "test": 0.0}, "test is empty"),
        ({"by": "group", "test": ()}, "test is empty"),
    ],
)
def test_a_split_without_sense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Split(**settings)
