"""Count class boundaries in predicted and true maps, for boundary IoU and boundary F1 (`metrics`).

A boundary is where a valid pixel of another class is near. Neither an ignored region nor the edge
of a patch makes one, and no ignored pixel is counted on either side. Distances are chessboard
distances in pixels. Maps are uint8 [B, H, W], K classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from harness.core.values import IGNORE

COUNTED = ("intersection", "union", "predicted", "predicted_matched", "true", "true_matched")
"""The rows of `count_boundaries`, as a record names them."""


def count_boundaries(predicted: Tensor, truth: Tensor, classes: int, radius: int) -> Tensor:
    """Count the pixels at the boundary of each class, summed over maps.

    Boundary IoU is of bands, the pixels of a class with another class within the radius (Cheng et
    al. 2021, with a radius in pixels and without the frame of the image). Boundary F1 is of
    contours, which are bands of radius 1: a contour pixel is matched if the other map has one of
    the same class within the radius (Csurka et al. 2013, Perazzi et al. 2016; there averaged over
    images, here counted over all of them).

    Args:
        predicted: the predicted maps.
        truth: the true maps, with IGNORE.
        classes: number of classes.
        radius: what is near, in pixels.

    Returns:
        int64 [6, K], on the device of the maps, rows as in COUNTED.
    """
    # Ignored pixels leave the prediction too, or they would make boundaries that truth cannot have.
    predicted = torch.where(truth == IGNORE, IGNORE, predicted)

    predicted_band = _band(predicted, radius)
    true_band = _band(truth, radius)
    both_bands = torch.where(predicted_band == true_band, predicted_band, IGNORE)
    in_predicted_band = _count_class_pixels(predicted_band, classes)
    in_true_band = _count_class_pixels(true_band, classes)
    intersection = _count_class_pixels(both_bands, classes)
    union = in_predicted_band + in_true_band - intersection

    predicted_contour = _band(predicted, 1)
    true_contour = _band(truth, 1)
    predicted_matched = _matched(predicted_contour, true_contour, radius)
    true_matched = _matched(true_contour, predicted_contour, radius)
    return torch.stack(
        [
            intersection,
            union,
            _count_class_pixels(predicted_contour, classes),
            _count_class_pixels(predicted_matched, classes),
            _count_class_pixels(true_contour, classes),
            _count_class_pixels(true_matched, classes),
        ]
    )


def _count_class_pixels(maps: Tensor, classes: int) -> Tensor:
    """Count the pixels of each class, int64 [K]."""
    # IGNORE, 255, is counted beyond the classes and cut off; a mask would copy the pixels first.
    return torch.bincount(maps.flatten(), minlength=IGNORE + 1)[:classes]


def _band(maps: Tensor, radius: int) -> Tensor:
    """Keep the pixels that have a valid one of another class within the radius, else IGNORE."""
    near = torch.zeros_like(maps, dtype=torch.bool)
    for shifted in _shift(maps, radius):
        near |= (shifted != maps) & (shifted != IGNORE)
    return torch.where(near, maps, IGNORE)


def _matched(contours: Tensor, others: Tensor, radius: int) -> Tensor:
    """Keep the contours that have others of the same class within the radius, else IGNORE."""
    # IGNORE equals IGNORE, but stays IGNORE whether it is near or not.
    near = torch.zeros_like(contours, dtype=torch.bool)
    for shifted in _shift(others, radius):
        near |= shifted == contours
    return torch.where(near, contours, IGNORE)


def _shift(maps: Tensor, radius: int) -> Iterator[Tensor]:
    """Move maps by every offset up to the radius; IGNORE comes in from beyond the edge."""
    # Views of one padded copy: shifts cost no memory, and bytes suffice. Max pooling, the usual
    # way, needs floats, and cannot tell which class is near.
    padded = torch.nn.functional.pad(maps, (radius,) * 4, value=IGNORE)
    height, width = maps.shape[1:]
    for row in range(2 * radius + 1):
        for column in range(2 * radius + 1):
            yield padded[:, row : row + height, column : column + width]
