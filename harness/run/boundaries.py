"""Counts of class boundaries in predicted and true maps, from which `metrics` has boundary IoU and
boundary F1.

A boundary is where a valid pixel of another class is near. Neither an ignored region nor the edge
of a patch makes one, and no ignored pixel is counted on either side. Distances are chessboard
distances in pixels. Maps are uint8 [B, H, W].
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from harness.core.values import IGNORE

COUNTED = ("intersection", "union", "predicted", "predicted_matched", "true", "true_matched")
"""The rows of `boundary_counts`, as a record names them."""


def boundary_counts(predicted: Tensor, truth: Tensor, classes: int, radius: int) -> Tensor:
    """Pixels at the boundary of each class, summed over maps: int64 [6, K] on their device, rows as
    in COUNTED.

    intersection, union: of the bands of prediction and truth, a band being the pixels of a class
    with another class within `radius` (Cheng et al. 2021, with a radius in pixels and without the
    frame of the image). predicted, true: the contours, which are bands of radius 1. matched: those
    contour pixels with one of the same class in the other map's contour within `radius` (Csurka et
    al. 2013, Perazzi et al. 2016; there averaged over images, here counted over all of them).
    """
    maps = torch.where(truth == IGNORE, IGNORE, predicted), truth
    bands = [_band(each, radius) for each in maps]
    contours = [_band(each, 1) for each in maps]
    shared = torch.where(bands[0] == bands[1], bands[0], IGNORE)
    matched = _matched(contours[0], contours[1], radius), _matched(contours[1], contours[0], radius)
    counted = [
        torch.bincount(each.flatten(), minlength=IGNORE + 1)[:classes]
        for each in (shared, *bands, contours[0], matched[0], contours[1], matched[1])
    ]
    intersection, one, other = counted[:3]
    return torch.stack([intersection, one + other - intersection, *counted[3:]])


def _band(maps: Tensor, radius: int) -> Tensor:
    """The map where a valid pixel of another class is within the radius, IGNORE elsewhere."""
    near = torch.zeros_like(maps, dtype=torch.bool)
    for shifted in _shifted(maps, radius):
        near |= (shifted != maps) & (shifted != IGNORE)
    return torch.where(near, maps, IGNORE)


def _matched(contours: Tensor, others: Tensor, radius: int) -> Tensor:
    """The contours where the others have a pixel of the same class within the radius, IGNORE
    elsewhere."""
    near = torch.zeros_like(contours, dtype=torch.bool)
    for shifted in _shifted(others, radius):
        near |= shifted == contours
    return torch.where(near, contours, IGNORE)


def _shifted(maps: Tensor, radius: int) -> Iterator[Tensor]:
    """The maps moved by every offset up to the radius; IGNORE comes in from beyond the edge."""
    padded = torch.nn.functional.pad(maps, (radius,) * 4, value=IGNORE)
    height, width = maps.shape[1:]
    for row in range(2 * radius + 1):
        for column in range(2 * radius + 1):
            yield padded[:, row : row + height, column : column + width]
