"""Maps of classes drawn as rows of text, so that a test shows what it counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.values import IGNORE


def draw_map(*rows: str) -> NDArray[Any]:
    """Return a map, uint8 [H, W]: a digit is a class, a dot is IGNORE, and spaces are for the eye.

    draw_map("00.", "011") is [[0, 0, IGNORE], [0, 1, 1]].
    """
    lines: list[list[int]] = []
    for row in rows:
        line = [IGNORE if pixel == "." else int(pixel) for pixel in row if pixel != " "]
        lines.append(line)
    return np.array(lines, np.uint8)
