"""Shapes in a mask: connected components, distances to their edges, and disks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.api import IGNORE


def components(
    mask: NDArray[np.uint8], classes: int, connectivity: int = 8
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The connected components of all classes, numbered from 1 class by class, and within a class
    in raster order.

    Numbers: int32 [H, W], 0 on ignored pixels. Owners: uint8 [N + 1], the class of each number,
    IGNORE for 0. Neighbours are the 4 that share an edge, or all 8.
    """
    from scipy import ndimage

    numbers, owners = np.zeros(mask.shape, np.int32), [np.array([IGNORE], np.uint8)]
    for index in range(classes):
        region = mask == index
        own, count = ndimage.label(
            region, ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
        )
        numbers[region] = own[region] + sum(map(len, owners)) - 1
        owners.append(np.full(count, index, np.uint8))
    return numbers, np.concatenate(owners)


def depth(mask: NDArray[np.uint8], classes: int) -> NDArray[np.float64]:
    """float64 [H, W]: distance of each valid pixel to the nearest one outside its class or the
    image; 0 on ignored pixels."""
    from scipy import ndimage

    depths = np.zeros(mask.shape)
    for index in range(classes):
        region = mask == index
        if region.any():
            depths[region] = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1][region]
    return depths


def deepest(numbers: NDArray[np.int32], depths: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64 [N]: the flat position of the greatest depth in each of N components, the first in
    raster order of equal ones."""
    flat, values = numbers.ravel(), depths.ravel()
    best = np.zeros(int(flat.max(initial=0)) + 1)
    np.maximum.at(best, flat, values)
    tops = np.flatnonzero((values == best[flat]) & (flat > 0))
    return tops[np.unique(flat[tops], return_index=True)[1]]


def disks(
    centres: NDArray[np.int64],
    values: NDArray[np.uint8],
    radius: int,
    regions: NDArray[np.signedinteger[Any]],
) -> NDArray[np.uint8]:
    """labels uint8 [H, W]: pixels within `radius` of a centre, and in its region, get its value;
    IGNORE elsewhere.

    centres int64 [N] are flat positions, values uint8 [N] what they say, regions int [H, W]. Where
    disks overlap, the nearest centre wins, the first of equally near ones.
    """
    height, width = regions.shape
    labels, nearest = (
        np.full(regions.shape, IGNORE, np.uint8),
        np.full(regions.shape, radius**2 + 1),
    )
    for position, value in zip(centres.tolist(), values.tolist(), strict=True):
        row, column = divmod(position, width)
        rows = np.arange(max(0, row - radius), min(height, row + radius + 1))
        columns = np.arange(max(0, column - radius), min(width, column + radius + 1))
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        distance = (rows[:, None] - row) ** 2 + (columns - column) ** 2
        mine = (distance < nearest[window]) & (regions[window] == regions[row, column])
        nearest[window][mine], labels[window][mine] = distance[mine], value
    return labels
