"""What annotation costs: the packaged model against the published times it is made from.

And files that a user writes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from demo import record

from harness.api import Supervision
from harness.catalog import load_catalog
from harness.core.errors import InputError
from harness.leaderboard.annotation_costs import (
    DEFAULTS,
    OWN,
    annotation_seconds,
    clicks,
    cost_model,
    hidden_knowledge,
    pixel_area,
    selection_seconds,
)
from harness.records.record import Annotation, FinishedRecord, Ledger, RunSettings
from harness.run.annotate import annotate, whole_masks
from harness.run.patches import PatchSet
from harness.scenario.yaml_document import DocumentError
from harness_points.boxes import Boxes
from harness_points.full import Full
from harness_points.random_points import PointsPerClass

MODEL = cost_model(Path("no such folder"))


def ledger(supervision: str, **counts: Any) -> Ledger:
    """Return the ledger of two images of 20 classes.

    Three pairs of image and class are present, as VOC's average of 1.5.
    """
    annotation = {
        "supervision": supervision,
        "unit": "scene",
        "units": 2,
        "units_without_labels": 0,
        "labelled_pixels": 3,
        "labelled_pixels_by_class": [3] + [0] * 19,
        "present_classes": 3,
        "pieces": 3,
        "proportion_vectors": 0,
        "tag_vectors": 0,
        **counts,
    }
    return Ledger(
        scenes=2,
        patches=2,
        labelled_pixels=annotation["labelled_pixels"],
        labelled_share=0.1,
        supervisions=[Annotation.model_validate(annotation)],
    )


def only_annotation(counted: Ledger) -> Annotation:
    assert counted.supervisions is not None
    (annotation,) = counted.supervisions
    return annotation


def name_of_supervision(value: Any) -> str:
    return only_annotation(value).supervision if isinstance(value, Ledger) else ""


@pytest.mark.parametrize(
    ("counted", "published"),
    [
        (ledger("full", labelled_pixels=2 * 500 * 375), 239.7),
        (ledger("points-per-class"), 22.1),
        (ledger("scribbles", labelled_pixels=900), 34.9),
        (ledger("boxes", labelled_pixels=900), 18.5 + 1.5 * 7),
        (ledger("points-per-image", labelled_pixels=20), 10 * 0.9),
        (ledger("proportions", proportion_vectors=2, labelled_pixels=0), 3 + 20 * 2),
    ],
    ids=name_of_supervision,
)
def test_an_average_voc_image_takes_what_was_published(counted: Ledger, published: float) -> None:
    seconds = annotation_seconds(counted, MODEL)
    assert seconds is not None
    assert seconds / 2 == pytest.approx(published, abs=0.1)


def test_tags_take_a_second_for_each_class(tmp_path: Path) -> None:
    text = DEFAULTS.read_text(encoding="utf-8") + "  presence: tag\n"
    (tmp_path / OWN).write_text(text)
    tags = ledger("presence", tag_vectors=2, labelled_pixels=0)
    assert annotation_seconds(tags, cost_model(tmp_path)) == 40


def ledger_of(patches: PatchSet, *supervisions: Supervision) -> Ledger:
    """Return what the supervisions use for all patches; whole masks without any."""
    indices = range(len(patches.origins))
    if not supervisions:
        return whole_masks(patches, indices)[1]
    return annotate(patches, indices, supervisions, 0)[1]


@pytest.fixture
def two_scenes(patch_set: Callable[..., PatchSet]) -> PatchSet:
    """`a` has two squares of class 1 in class 0, `b` is class 2 alone."""
    a = np.zeros((8, 8))
    a[1:3, 1:3] = 1
    a[5:7, 5:7] = 1
    b = np.full((8, 8), 2)
    return patch_set({"a": a, "b": b}, 8, 3)


def test_boxes_counted_by_hand(two_scenes: PatchSet) -> None:
    boxes = ledger_of(two_scenes, Boxes())
    annotation = only_annotation(boxes)
    # Two boxes of class 1 inside the one of class 0, and one of class 2.
    assert (annotation.present_classes, annotation.pieces) == (3, 4)
    # Of 2 x 3 pairs of a scene and a class, 3 are absent.
    assert annotation_seconds(boxes, MODEL) == pytest.approx(3 * 1.0 + 4 * 7.0)
    assert clicks(boxes, MODEL) == 4


def test_points_counted_by_hand(two_scenes: PatchSet) -> None:
    points = ledger_of(two_scenes, PointsPerClass(count=2))
    # 3 absent pairs, 3 first points, 6 points in all.
    assert annotation_seconds(points, MODEL) == pytest.approx(3 * 1.0 + 3 * 1.5 + 6 * 0.9)
    assert clicks(points, MODEL) == 6


def test_two_supervisions_are_paid_for_both(two_scenes: PatchSet) -> None:
    both = ledger_of(two_scenes, PointsPerClass(count=2), Full())
    assert annotation_seconds(both, MODEL) == pytest.approx(12.9 + 128 * 1278e-6)
    assert hidden_knowledge(both) == ("which classes occur in the unit",)


def test_whole_masks_without_a_supervision_cost_what_full_costs(
    patch_set: Callable[..., PatchSet],
) -> None:
    patches = patch_set({"a": np.zeros((8, 8))}, 4, 2)
    whole = ledger_of(patches)
    full = ledger_of(patches, Full())
    assert whole.supervisions == []
    assert annotation_seconds(whole, MODEL) == pytest.approx(64 * 1278e-6)
    assert annotation_seconds(whole, MODEL) == annotation_seconds(full, MODEL)
    assert clicks(whole, MODEL) == 0


def test_overlapping_patches_draw_a_mask_once(patch_set: Callable[..., PatchSet]) -> None:
    overlapping = patch_set({"a": np.zeros((8, 8))}, 4, 2, step=2)
    full = ledger_of(overlapping, Full())
    assert only_annotation(full).labelled_pixels == 9 * 16
    assert annotation_seconds(full, MODEL) == pytest.approx(64 * 1278e-6)


SELECTION = {"scenes": 4, "patches": 9, "labelled_pixels": 1_000_000}


def test_images_that_select_are_paid_for() -> None:
    selected = ledger("points-per-class").changed(selection=SELECTION)
    assert selection_seconds(selected, MODEL) == 1278
    assert selection_seconds(ledger("points-per-class"), MODEL) == 0
    assert annotation_seconds(selected, MODEL) == pytest.approx(44.2 + 1278)


def settings_with(patches: dict[str, Any]) -> RunSettings:
    """Return settings with this section `patches`."""
    run = FinishedRecord.model_validate(record("m", 0, [[1, 0], [0, 1]], 1, 1.0))
    return run.settings.changed(patches=patches)


def test_the_area_of_a_pixel_is_that_on_the_image() -> None:
    settings = settings_with({"size": 64})
    assert pixel_area(settings) == 1
    settings = settings_with({"size": 64, "downsample": 4})
    assert pixel_area(settings) == 16


def test_a_mask_is_drawn_on_the_image_before_it_was_downsampled_and_a_point_is_a_point() -> None:
    masks = ledger("full", labelled_pixels=1_000_000)
    points = ledger("points-per-class")
    assert annotation_seconds(masks, MODEL, area=16) == pytest.approx(16 * 1278)
    assert annotation_seconds(points, MODEL, area=16) == annotation_seconds(points, MODEL)
    selected = points.changed(selection=SELECTION)
    assert selection_seconds(selected, MODEL, area=16) == 16 * 1278


def older(counted: Ledger) -> Ledger:
    """Return a ledger as it was before present classes and pieces were counted."""
    annotation = only_annotation(counted).without("present_classes").without("pieces")
    return counted.changed(supervisions=[annotation.as_json()])


def test_an_older_ledger_has_a_cost_where_it_counted_enough() -> None:
    full = ledger("full")
    assert annotation_seconds(older(full), MODEL) == annotation_seconds(full, MODEL)
    # At most two images have class 0, so present is 2 and not 3: a pair more absent, a first point
    # less.
    points = older(ledger("points-per-class"))
    assert annotation_seconds(points, MODEL) == pytest.approx(38 * 1.0 + 2 * 1.5 + 3 * 0.9)


def test_an_older_ledger_has_no_cost_where_it_did_not() -> None:
    scribbles = older(ledger("scribbles"))
    assert annotation_seconds(scribbles, MODEL) is None
    assert clicks(scribbles, MODEL) is None


def test_a_ledger_that_does_not_say_how_it_was_annotated_has_no_cost() -> None:
    oldest = ledger("full").without("supervisions")
    assert oldest.supervisions is None
    assert annotation_seconds(oldest, MODEL) is None
    assert clicks(oldest, MODEL) is None
    assert hidden_knowledge(oldest) == ()


def test_nothing_present_is_not_the_same_as_not_counted() -> None:
    counted = ledger("points-per-class", present_classes=0, pieces=0)
    # All 40 pairs are absent, where an older ledger would guess that 2 are not.
    assert annotation_seconds(counted, MODEL) == pytest.approx(40 * 1.0 + 3 * 0.9)
    assert annotation_seconds(ledger("scribbles", pieces=0), MODEL) is not None


def test_what_the_model_does_not_know_has_no_cost() -> None:
    assert annotation_seconds(ledger("somebody-elses"), MODEL) is None
    assert clicks(ledger("somebody-elses"), MODEL) is None


def test_every_supervision_here_has_a_rate() -> None:
    offers = load_catalog(disabled=()).offers["supervision"]
    ours = set()
    for name, offer in offers.items():
        if offer.plugin.distribution == "weakseg-harness":
            ours.add(name)
    assert ours == set(MODEL.supervisions)


def test_a_file_of_the_user_replaces_the_packaged_one(tmp_path: Path) -> None:
    document = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))
    document["kinds"]["mask"] = {
        "image": {"seconds": 600, "trust": "published", "source": "our own time sheets"}
    }
    (tmp_path / OWN).write_text(yaml.safe_dump(document))
    model = cost_model(tmp_path)
    points = ledger("points-per-class")
    assert annotation_seconds(ledger("full"), model) == 1200
    assert annotation_seconds(points, model) == annotation_seconds(points, MODEL)


RATE = "{seconds: 1, trust: published, source: here}"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            f"kinds:\n  mask:\n    megapixl: {RATE}\nsupervisions: {{}}",
            [":3:15: kinds.mask.megapixl: ", "Did you mean 'megapixel'"],
        ),
        (
            "kinds:\n  mask: {image: {seconds: -1, trust: published, source: x}}\nsupervisions: {}",
            [":2:27: kinds.mask.image.seconds: -1: "],
        ),
        (
            "kinds:\n  mask: {image: {seconds: true, trust: published, source: x}}\n"
            "supervisions: {}",
            [":2:27: kinds.mask.image.seconds: True: write a number, not yes or no"],
        ),
        (
            "kinds:\n  mask: {image: {seconds: 1, trust: hearsay, source: x}}\nsupervisions: {}",
            [":2:37: kinds.mask.image.trust: ", "Known: assumption, derived, published"],
        ),
        (
            "kinds:\n  mask: {image: {seconds: 1, trust: published}}\nsupervisions: {}",
            [":2:10: kinds.mask.image.source: is missing"],
        ),
        (
            f"kinds: {{mask: {{image: {RATE}}}}}\nsupervisions:\n  full: masc",
            [":3:9: supervisions.full: no kind 'masc'. Did you mean 'mask'"],
        ),
        (
            f"kinds: {{click: {{pixel: {RATE}}}}}\nsupervisions: {{}}",
            [":1:8: kinds: mask is missing"],
        ),
        (f"kinds: {{mask: {{image: {RATE}}}}}", ["supervisions: is missing"]),
        (
            f"kinds: {{mask: {{image: {RATE}}}}}\nsupervisions: {{}}\nhourly: 3",
            [":3:1: hourly: unknown field"],
        ),
        ("kinds: [", ["is not valid YAML"]),
        ("- full", [":1:1: "]),
    ],
)
def test_a_mistake_in_the_file_is_named_by_line_and_field(
    tmp_path: Path, text: str, messages: list[str]
) -> None:
    (tmp_path / OWN).write_text(text)
    with pytest.raises(DocumentError) as caught:
        cost_model(tmp_path)
    assert str(tmp_path / OWN) in str(caught.value)
    for message in messages:
        assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["annotation-costs.yml", "annotation_costs.yaml", "annotation-cost.yaml"]
)
def test_a_file_of_nearly_the_name_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(DEFAULTS.read_text(encoding="utf-8"))
    with pytest.raises(InputError, match=rf"{name}: is not read: a cost model is called {OWN}"):
        cost_model(tmp_path)
    (tmp_path / OWN).write_text(DEFAULTS.read_text(encoding="utf-8"))
    assert cost_model(tmp_path) == MODEL


def test_other_files_beside_the_boards_are_no_cost_models(tmp_path: Path) -> None:
    for name in ("annotation-costs.md", "annotation-costs.csv", "notes.yaml"):
        (tmp_path / name).touch()
    assert cost_model(tmp_path) == MODEL
