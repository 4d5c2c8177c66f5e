"""Weak labels that contradict the mask, or are not what their supervision has promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from simple_supervisions import LABELS, PROPORTIONS, Constant, Halves, labels_in, ledger_of

from harness.core.components import Supervision
from harness.core.values import Provision, Sample, WeakLabel
from harness.run.annotate import annotate
from harness.run.patches import PatchSet
from harness_points.random_points import PointsPerImage


class Broken(Supervision):
    """Breaks the contract in the way that `breach` says, or keeps it."""

    name: ClassVar[str] = "broken"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels", "proportions", "tags"})
    breach: str

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        k = sample.classes
        labels = np.array(sample.mask)
        even = np.full(k, 1 / k, np.float32)
        kept = WeakLabel(labels, even, tags=np.ones(k, np.bool_))
        match self.breach:
            case "shape":
                return replace(kept, labels=labels[1:])
            case "type":
                return replace(kept, labels=labels.astype(np.int64))
            case "ignored":
                return replace(kept, labels=np.zeros_like(labels))
            case "class":
                labels[labels == 2] = 3
                return replace(kept, labels=labels)
            case "no labels":
                return replace(kept, labels=None)
            case "no tags":
                return replace(kept, tags=None)
            case "proportions":
                return replace(kept, proportions=np.ones(k + 1, np.float32))
            case "tags":
                return replace(kept, tags=np.ones((k, 1), np.bool_))
        return kept


class Undeclared(Supervision):
    """Gives tags that it did not announce."""

    name: ClassVar[str] = "undeclared"
    provides: ClassVar[frozenset[Provision]] = LABELS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        tags = np.ones(sample.classes, np.bool_)
        return WeakLabel(labels=np.array(sample.mask), tags=tags)


class Sparse(Supervision):
    """Announces whole masks and labels one pixel."""

    name: ClassVar[str] = "sparse"
    provides: ClassVar[frozenset[Provision]] = frozenset({"labels", "dense"})

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        return PointsPerImage(count=1).annotate(sample, generator)

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        if len(weak_labels) == 8:
            return weak_labels[:-1]
        return weak_labels


class Copied(Supervision):
    """Gives all patches the same proportions, and says that somebody annotated them in another
    patch."""

    name: ClassVar[str] = "copied"
    provides: ClassVar[frozenset[Provision]] = PROPORTIONS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        proportions = np.array([0.5, 0.25, 0.25], np.float32)
        return WeakLabel(proportions=proportions, shared=sample.key.startswith("b"))


class Mapped(Supervision):
    """Gives regions of nothing."""

    name: ClassVar[str] = "mapped"
    provides: ClassVar[frozenset[Provision]] = LABELS

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        regions = np.zeros(sample.mask.shape, np.uint8)
        return WeakLabel(labels=np.array(sample.mask), regions=regions)


@pytest.mark.parametrize(
    ("breach", "message"),
    [
        ("shape", r"must be uint8 \[4, 4\], got uint8 \[3, 4\]"),
        ("type", r"must be uint8 \[4, 4\], got int64"),
        ("ignored", "labelled pixels that are ignored"),
        ("class", r"outside 0\.\.2"),
        ("no labels", "labels is absent"),
        ("no tags", "tags is absent"),
        ("proportions", r"proportions must be float32 \[3\], got float32 \[4\]"),
        ("tags", r"tags must be bool \[3\], got bool \[3, 1\]"),
    ],
)
def test_a_breach_of_the_contract_names_the_supervision_and_the_sample(
    two_scenes: PatchSet, breach: str, message: str
) -> None:
    first = {"ignored": "b@4,4", "class": "b@0,0"}.get(breach, "a@0,0")
    with pytest.raises(ValueError, match=f"'broken', {first}: .*{message}"):
        annotate(two_scenes, range(8), [Broken(breach=breach)], 0)


def test_a_kept_contract_is_no_breach(two_scenes: PatchSet) -> None:
    labels, _ = annotate(two_scenes, range(8), [Broken(breach="none")], 0)
    assert_array_equal(labels_in(labels), two_scenes.masks)


def test_a_label_that_was_not_announced_is_a_breach(two_scenes: PatchSet) -> None:
    with pytest.raises(
        ValueError, match=r"'undeclared', a@0,0: declares \['labels'\], but tags was given"
    ):
        annotate(two_scenes, range(8), [Undeclared()], 0)


@pytest.mark.parametrize(
    "values",
    [
        (0.5, 0.6, 0.0),
        (1.5, -0.5, 0.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_proportions_are_shares_that_sum_to_one(
    two_scenes: PatchSet, values: tuple[float, ...]
) -> None:
    message = "'constant', a@0,0: proportions must be at least 0 and sum to 1"
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes, range(8), [Constant(values=values)], 0)


def test_what_is_shared_must_have_been_annotated_in_another_patch(two_scenes: PatchSet) -> None:
    ledger = ledger_of(two_scenes, range(8), Copied())
    assert ledger.annotations[0].proportion_vectors == 4
    assert ledger.scenes == 1  # nobody annotated anything in the other
    message = "'copied', b@0,0: proportions are called shared, but no unit with the same"
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes, range(4, 8), [Copied()], 0)


def test_dense_means_every_valid_pixel_and_refine_keeps_the_number(two_scenes: PatchSet) -> None:
    with pytest.raises(ValueError, match="declares dense, but left valid pixels unlabelled"):
        annotate(two_scenes, range(4), [Sparse()], 0)
    with pytest.raises(ValueError, match="'sparse': refine returned 7 weak labels for 8"):
        annotate(two_scenes, range(8), [Sparse()], 0)


@pytest.mark.parametrize(
    ("breach", "message"),
    [
        (
            "vector",
            r"a@0,0: proportions must be float32 \[R, 3\] with R from 1 to 255, got float32 \[3\]",
        ),
        ("no regions", r"a@0,0: proportions must be float32 \[3\], got float32 \[2, 3\]"),
        ("none at all", r"R from 1 to 255, got float32 \[0, 3\]"),
        ("too many", r"R from 1 to 255, got float32 \[256, 3\]"),
        ("classes", r"got float32 \[2, 2\]"),
        ("type", r"got float64 \[2, 3\]"),
        ("map", r"regions must be uint8 \[4, 4\], got uint8 \[3, 4\]"),
        ("map type", r"regions must be uint8 \[4, 4\], got int64"),
        ("outside", r"gave a region outside 0\.\.1"),
        ("sum", r"at least 0 and sum to 1, got \[0\.5, 0\.0, 0\.0\]"),
        ("empty", r"at least 0 and sum to 1, got \[0\.0, 0\.0, 0\.0\]"),
        (
            "another number",
            r"'halves': proportions must have one shape in all patches, got \[\(2, 3\), \(4, 3\)\]",
        ),
        ("sometimes", r"one shape in all patches, got \[\(2, 3\), \(3,\)\]"),
    ],
)
def test_regions_that_break_the_contract(two_scenes: PatchSet, breach: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        annotate(two_scenes, range(8), [Halves(breach=breach)], 0)


def test_regions_go_with_proportions_only(two_scenes: PatchSet) -> None:
    with pytest.raises(ValueError, match="'mapped', a@0,0: gave regions, but no proportions"):
        annotate(two_scenes, range(8), [Mapped()], 0)
