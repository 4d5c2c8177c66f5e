"""The gallery: which patches are shown, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from demo import board_of
from reported import BOARD, FULL, HEADER, POINTS, SCRIPT, SHARES, store, store_samples

from harness.leaderboard.analysis import analyse
from harness.pages.html.gallery import Gallery, GalleryPatch, make_gallery

LEADERBOARD = analyse(BOARD)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    store(tmp_path)
    return make_gallery(LEADERBOARD, tmp_path)


def show_only(run: dict[str, Any], runs: Path, **fields: Any) -> GalleryPatch:
    """Return the one patch of a run, with other fields in its `samples.json`."""
    store_samples(runs, run, patches=1)
    path = runs / run["key"] / "samples" / "samples.json"
    (entry,) = json.loads(path.read_text())
    path.write_text(json.dumps([entry | fields]))
    (patch,) = make_gallery(analyse(board_of(HEADER, [run])), runs).patches
    return patch


def test_patches_of_all_seeds_follow_each_other(gallery: Gallery) -> None:
    assert [patch.name for patch in gallery.patches] == [
        f"seed 0: {SCRIPT}@0",
        f"seed 0: {SCRIPT}@1",
        f"seed 1: {SCRIPT}@0",
        f"seed 1: {SCRIPT}@1",
        f"seed 2: {SCRIPT}@0",
        f"seed 2: {SCRIPT}@1",
    ]


def test_the_reference_is_last_since_it_is_beside_every_other(gallery: Gallery) -> None:
    assert gallery.methods == (*POINTS, "shares", "full")


def test_runs_without_pictures_are_named(gallery: Gallery) -> None:
    assert gallery.runs_without_pictures == ("full, seed 1", "full, seed 2")


def test_each_method_has_a_view_of_a_patch(gallery: Gallery) -> None:
    full, points, _, shares = gallery.patches[0].views
    assert (full.method, points.method, shares.method) == ("full", POINTS[0], "shares")
    assert points.label_summary == "3 of 256 pixels labelled"
    # 32 of 256 pixels are in the wrong half: IoU 112 / 144 of both classes.
    assert points.score_summary == "mIoU 77.8 %, 12.5 % of the pixels wrong"
    assert shares.label_summary == f"proportions: {SCRIPT} 50.0 %, b 50.0 %"


def test_the_classes_of_a_patch_are_listed_by_size(gallery: Gallery) -> None:
    assert gallery.patches[0].class_summary == f"{SCRIPT} 50.0 %, b 50.0 %"
    assert gallery.classes == ((SCRIPT, "rgb(60, 16, 152)"), ("b", "rgb(110, 193, 228)"))


def test_patches_beyond_the_budget_are_counted(tmp_path: Path) -> None:
    store(tmp_path)
    gallery = make_gallery(LEADERBOARD, tmp_path, budget=1)
    assert (len(gallery.patches), gallery.patches_left_out) == (1, 5)


def test_a_budget_is_used_up(gallery: Gallery, tmp_path: Path) -> None:
    first, second, *_ = gallery.patches
    exact = make_gallery(LEADERBOARD, tmp_path, budget=first.size + second.size)
    assert len(exact.patches) == 2


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({"proportions": [[0.5, 0.5], [1.0, 0.0]]}, "proportions of 2 regions"),
        (
            {"proportions": [0.0, 1.0], "tags": [False, True]},
            "proportions: b 100.0 %; classes present: b",
        ),
        (
            {"weak_label_error": "ValueError: no"},
            "proportions: b 100.0 %; not drawn: ValueError: no",
        ),
    ],
)
def test_what_a_method_is_given_is_said(
    tmp_path: Path, fields: dict[str, Any], summary: str
) -> None:
    patch = show_only(SHARES[0], tmp_path, **({"proportions": [0.0, 1.0]} | fields))
    assert patch.views[0].label_summary == summary
    (layer,) = patch.views[0].weak_label
    assert layer.startswith("data:image/svg+xml")


def test_a_patch_that_is_not_scored_says_so(tmp_path: Path) -> None:
    patch = show_only(FULL[0], tmp_path, confusion=[[0, 0], [0, 0]])
    assert patch.class_summary == "nothing scored"
