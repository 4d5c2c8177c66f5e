"""What a run prepares: its split as the record has it, and the weak labels of its method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from tiny_runs import FLOOR, FULL, POINTS, TinyScenes, make_run

from harness.core.values import IGNORE
from harness.plan.runs import Run
from harness.run.prepare import AnnotatedPart, annotate_training_part, divide_patches
from harness.scenario.scenario import Method
from harness.scenario.settings import Split

pytestmark = pytest.mark.usefixtures("own_cache")


def annotated_by(method: Method, **training: Any) -> AnnotatedPart:
    """The weak labels of a method."""
    run = make_run(method, **training)
    return annotate_training_part(run, divide_patches(run))


def count_patches(annotated: AnnotatedPart) -> int:
    labels = annotated.labels.labels
    assert labels is not None
    return len(labels)


def test_the_record_describes_each_part_of_the_split() -> None:
    data = divide_patches(make_run())
    recorded = data.recorded
    parts = (recorded.train, recorded.validation, recorded.test)
    assert [part.patches for part in parts] == [12, 4, 8]
    assert [part.scenes for part in parts] == [3, 1, 2]
    assert recorded.test.groups == ["tile-4", "tile-5"]
    assert len({part.digest for part in parts}) == 3
    split = data.split
    assert (len(split.train), len(split.validation), len(split.test)) == (12, 4, 8)


@pytest.mark.parametrize("by", ["scene", "patch"])
def test_where_single_scenes_or_patches_are_drawn_no_group_is_named(by: Any) -> None:
    data = divide_patches(make_run(split=Split(by=by, test=0.5)))
    assert data.recorded.train.groups == data.recorded.test.groups == []
    assert data.recorded.test.patches == 12


@pytest.mark.parametrize(("light", "absent"), [(True, []), (False, ["light"])])
def test_classes_that_training_never_sees_are_named(light: bool, absent: list[str]) -> None:
    data = divide_patches(make_run(dataset=TinyScenes(light=light)))
    assert data.recorded.train.absent_classes == absent
    # Of the training part alone: nothing is told of the test part before it is tested.
    assert "absent_classes" not in data.recorded.test.as_json()


def test_the_training_part_alone_is_annotated() -> None:
    annotated = annotated_by(POINTS)
    assert count_patches(annotated) == 12
    assert annotated.ledger.patches == 12
    assert annotated.ledger.labelled_pixels == 3 * 3


@pytest.mark.parametrize(
    ("method", "validation", "patches"),
    [
        (POINTS, "none", 12),
        (POINTS, "loss", 12 + 4),
        # Against whole masks, which are counted when the network is built.
        (POINTS, "miou", 12),
        # A floor is not trained.
        (FLOOR, "loss", 12),
        # What trains on the validation part cannot be followed on it.
        (replace(POINTS, trains_on="validation"), "loss", 4),
    ],
    ids=["not followed", "loss", "miou", "floor", "trains on validation"],
)
def test_validation_is_annotated_where_its_loss_follows_the_training(
    method: Method, validation: str, patches: int
) -> None:
    annotated = annotated_by(method, validation=validation)
    assert count_patches(annotated) == patches
    assert annotated.ledger.patches == patches


def test_a_floor_without_a_supervision_has_the_masks() -> None:
    run = make_run(FLOOR)
    data = divide_patches(run)
    annotated = annotate_training_part(run, data)
    masks = data.patches.masks[list(data.split.train)]
    assert annotated.labels.labels is not None
    assert_array_equal(annotated.labels.labels, masks)
    assert annotated.ledger.supervisions == []
    assert annotated.ledger.labelled_share == 1.0


def redraw(run: Run) -> tuple[AnnotatedPart, np.ndarray]:
    """Annotate the training part of a run, and then the same patches again by its `draw`."""
    data = divide_patches(run)
    annotated = annotate_training_part(run, data)
    again, _ = annotated.draw(data.patches, data.split.train)
    assert again.labels is not None
    return annotated, again.labels


@pytest.mark.parametrize("method", [FULL, POINTS, FLOOR], ids=lambda method: method.name)
def test_pictures_of_weak_labels_are_drawn_as_those_of_training(method: Method) -> None:
    annotated, again = redraw(make_run(method))
    assert annotated.labels.labels is not None
    assert_array_equal(annotated.labels.labels, again)


def test_the_seed_of_the_run_decides_the_draw() -> None:
    _, first = redraw(make_run(POINTS, seed=0))
    _, second = redraw(make_run(POINTS, seed=1))
    assert ((first != IGNORE) != (second != IGNORE)).any()
