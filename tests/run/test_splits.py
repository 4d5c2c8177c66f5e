"""Division of patches between training, validation and test."""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def patches(
    groups: dict[str, int], part: Part | None = None, step: int = SIZE
) -> list[PatchOrigin]:
    """So many patches of each group in one row, each group one scene."""
    return [
        PatchOrigin(f"scene of {group}", group, part, 0, step * i)
        for group, count in groups.items()
        for i in range(count)
    ]


def grouped(origins: Sequence[PatchOrigin], parts: Parts) -> dict[Part, list[str]]:
    return {part: sorted({origins[index].group for index in parts[part]}) for part in PARTS}


FIVE = {"a": 2, "b": 1, "c": 3, "d": 1, "e": 2}
group_sizes = st.lists(st.integers(1, 4), min_size=3, max_size=12).map(
    lambda sizes: {f"g{i}": size for i, size in enumerate(sizes)}
)


def test_official_is_what_the_data_set_says() -> None:
    parts: list[Part] = ["test", "train", "validation", "train"]
    origins = [PatchOrigin(f"s{i}", f"s{i}", part, 0, 0) for i, part in enumerate(parts)]
    for seed in range(3):
        assert divide(origins, Split(), SIZE, seed) == {
            "train": (1, 3),
            "validation": (2,),
            "test": (0,),
        }


def test_named_groups_are_taken_as_named_whatever_the_seed() -> None:
    origins, split = patches(FIVE), Split(by="group", test=("c",), validation=("a", "e"))
    for seed in range(3):
        assert grouped(origins, divide(origins, split, SIZE, seed)) == {
            "train": ["b", "d"],
            "validation": ["a", "e"],
            "test": ["c"],
        }


@given(st.integers(0, 50), st.sampled_from(list(FIVE)))
def test_a_fraction_draws_from_the_groups_that_are_not_named(seed: int, name: str) -> None:
    origins = patches(FIVE)
    found = grouped(
        origins, divide(origins, Split(by="group", test=(name,), validation=0.4), SIZE, seed)
    )
    assert found["test"] == [name]
    assert len(found["validation"]) == 2
    assert sorted(name for names in found.values() for name in names) == list(FIVE)


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
    parts = divide(
        patches(dict.fromkeys("abcdefghij", 1)),
        Split(by=by, test=test, validation=validation),
        SIZE,
        3,
    )
    assert tuple(len(parts[part]) for part in PARTS) == counts


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
    parts = divide(
        origins,
        Split(by=by, test=test, validation=0.0 if by == "leave-one-group-out" else validation),
        SIZE,
        seed,
    )
    assert sorted(index for part in PARTS for index in parts[part]) == list(range(len(origins)))
    assert all(list(parts[part]) == sorted(parts[part]) for part in PARTS)
    if by != "patch":
        found = grouped(origins, parts)
        assert sorted(name for names in found.values() for name in names) == sorted(sizes)


@given(
    st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=9), min_size=1, max_size=8),
    st.integers(0, 99),
    st.sampled_from([0.0, 0.2]),
)
def test_a_split_by_scene_keeps_scenes_whole_and_divides_groups(
    sizes: list[list[int]], seed: int, validation: float
) -> None:
    keys = [
        (f"tile-{tile}", f"tile-{tile}/{part}", count)
        for tile, parts in enumerate(sizes)
        for part, count in enumerate(parts)
    ]
    assume(len(keys) > 2)
    origins = [
        PatchOrigin(scene, group, None, 0, SIZE * i)
        for group, scene, count in keys
        for i in range(count)
    ]
    parts = divide(origins, Split(by="scene", test=0.25, validation=validation), SIZE, seed)
    found = {part: {origins[index].scene for index in parts[part]} for part in PARTS}
    assert sorted(index for part in PARTS for index in parts[part]) == list(range(len(origins)))
    assert sum(len(scenes) for scenes in found.values()) == len(keys)
    assert len(found["test"]) == max(1, round(0.25 * len(keys)))


def test_a_split_by_scene_of_72_images_tests_14_of_all_tiles() -> None:
    origins = [
        PatchOrigin(f"{tile}/{part}", f"{tile}", None, 0, 0)
        for tile in range(8)
        for part in range(9)
    ]
    parts = divide(origins, Split(by="scene", test=0.2), SIZE, 0)
    assert [len(parts[part]) for part in PARTS] == [58, 0, 14]
    # where a split by tile would test on two
    assert len({origins[index].group for index in parts["test"]}) > 2


def test_leave_one_group_out_tests_every_group_in_turn() -> None:
    origins, split = patches(FIVE), Split(by="leave-one-group-out")
    tested = [grouped(origins, divide(origins, split, SIZE, seed))["test"] for seed in range(7)]
    assert tested == [["a"], ["b"], ["c"], ["d"], ["e"], ["a"], ["b"]]


@pytest.mark.parametrize("by", ["group", "scene", "patch"])
def test_every_seed_draws_its_own_split_unless_one_is_pinned(by: Any) -> None:
    origins = patches(dict.fromkeys("abcdefghijklmnop", 1))
    own = {divide(origins, Split(by=by), SIZE, seed)["test"] for seed in range(6)}
    pinned = {divide(origins, Split(by=by, seed=4), SIZE, seed)["test"] for seed in range(6)}
    assert len(own) > 1
    assert pinned == {divide(origins, Split(by=by), SIZE, 4)["test"]}


@pytest.mark.parametrize("by", ["group", "scene", "patch", "leave-one-group-out"])
def test_the_same_seed_draws_the_same_split(by: Any) -> None:
    origins = patches(FIVE)
    assert divide(origins, Split(by=by), SIZE, 5) == divide(origins, Split(by=by), SIZE, 5)


@pytest.mark.parametrize("by", ["group", "leave-one-group-out"])
def test_a_split_by_groups_depends_on_the_groups_not_on_the_order_of_scenes(by: Any) -> None:
    forward, backward = patches(FIVE), patches(dict(reversed(FIVE.items())))
    for seed in range(4):
        split = Split(by=by)
        assert grouped(forward, divide(forward, split, SIZE, seed)) == grouped(
            backward, divide(backward, split, SIZE, seed)
        )


def test_only_training_takes_overlapping_patches() -> None:
    parts: dict[str, Part] = {"a": "train", "b": "validation", "c": "test"}
    origins = [
        PatchOrigin(group, group, part, row, column)
        for group, part in parts.items()
        for row in (0, 4, 8)
        for column in (0, 4, 8)
    ]
    found = divide(origins, Split(), SIZE, 0)
    assert len(found["train"]) == 9
    for part in ("validation", "test"):
        corners = [(origins[index].row, origins[index].column) for index in found[part]]
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
