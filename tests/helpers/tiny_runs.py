"""Runs that take a blink: six scenes of two classes, and a network of one layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.components import Dataset, Model, Supervision
from harness.core.values import Part, Scene, SegmentationClass
from harness.plan.runs import Run, expand
from harness.scenario.scenario import Method, Scenario, Term
from harness.scenario.settings import Evaluation, Patches, Split, Training
from harness_points.cross_entropy import CrossEntropy, PartialCrossEntropy
from harness_points.full import Full
from harness_points.random_points import PointsPerImage

SIZE = 8
"""Side of a patch; each scene has four of them."""

PARTS: tuple[Part, ...] = ("train", "train", "train", "validation", "test", "test")
"""The part of each scene."""


class TinyScenes(Dataset):
    """Scenes that are dark on the left and light on the right."""

    name: ClassVar[str] = "tiny-scenes"

    light: bool = True
    """Whether the training part has any light pixel."""

    @property
    def classes(self) -> Sequence[SegmentationClass]:
        return [SegmentationClass("dark", (0, 0, 0)), SegmentationClass("light", (255, 255, 255))]

    def scenes(self) -> Sequence[Scene]:
        scenes = []
        for number, part in enumerate(PARTS):
            has_light = self.light or part != "train"
            read = partial(read_scene, number, has_light)
            scenes.append(Scene(f"scene-{number}", f"tile-{number}", read, part))
        return scenes


def read_scene(number: int, has_light: bool) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the image and the mask of a scene, 16 x 16 pixels."""
    generator = np.random.default_rng(number)
    mask = np.zeros((2 * SIZE, 2 * SIZE), np.uint8)
    if has_light:
        mask[:, 4 + number :] = 1
    noise = generator.integers(0, 50, (*mask.shape, 3))
    image = 180 * mask[..., None] + noise
    return image.astype(np.uint8), mask


class OneLayer(Model):
    """Looks at the colour of a pixel alone."""

    name: ClassVar[str] = "one-layer"

    def build(self, channels: int, classes: int) -> torch.nn.Module:
        return torch.nn.Conv2d(channels, classes, 1)


FULL = Method("full", (Full(),), (Term(CrossEntropy()),))
POINTS = Method("points", (PointsPerImage(count=3),), (Term(PartialCrossEntropy()),))
FLOOR = Method("majority", (), (), floor="majority")


def method_of(*supervisions: Supervision) -> Method:
    """Return a method that trains on what these supervisions give."""
    return Method("mine", supervisions, (Term(PartialCrossEntropy()),))


def make_run(
    method: Method = FULL,
    seed: int = 0,
    dataset: Dataset | None = None,
    split: Split | None = None,
    **training: Any,
) -> Run:
    """Make a run of one method.

    Args:
        method: what is computed.
        seed: decides its draws.
        dataset: where its scenes come from; `TinyScenes` by default.
        split: how they are divided; as the data set says by default.
        training: settings of the section `training`.
    """
    fixed = {"epochs": 2, "batch_size": 4, "precision": "fp32", "device": "cpu"}
    scenario = Scenario(
        name="tiny",
        about="Runs for tests.",
        profile=None,
        overrides=(),
        dataset=dataset or TinyScenes(),
        patches=Patches(size=SIZE),
        split=split or Split(),
        model=OneLayer(),
        training=Training(**{**fixed, **training}),
        seeds=(seed,),
        reference=method.name,
        evaluation=Evaluation(boundary_radius=1),
        mean_over=("dark", "light"),
        methods=(method,),
        published=None,
    )
    # Patches are cached by this name, so another data set needs another one.
    fingerprint = repr(scenario.dataset)
    (run,) = expand(scenario, fingerprint)
    return run
