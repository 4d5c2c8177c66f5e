"""Helpers that more than one test file uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from installed import EXAMPLE, TINY, Workplace, install
from numpy.typing import NDArray

from harness.run.patches import PatchOrigin, PatchSet

# The same examples on every machine, however slow it is.
hypothesis.settings.register_profile("harness", deadline=None, derandomize=True)
hypothesis.settings.load_profile("harness")


@pytest.fixture
def patch_set() -> Callable[..., PatchSet]:
    """Makes a PatchSet of scenes given by their masks, cut into squares; its images are noise."""

    def make(
        scenes: Mapping[str, NDArray[Any]], size: int, classes: int, step: int | None = None
    ) -> PatchSet:
        origins = []
        masks = []
        for key, mask in scenes.items():
            for row in range(0, mask.shape[0] - size + 1, step or size):
                for column in range(0, mask.shape[1] - size + 1, step or size):
                    origins.append(PatchOrigin(key, f"group of {key}", None, row, column))
                    masks.append(mask[row : row + size, column : column + size])
        generator = np.random.default_rng(0)
        images = generator.integers(0, 256, (len(masks), size, size, 3), np.uint8)
        return PatchSet(images, np.stack(masks).astype(np.uint8), tuple(origins), classes)

    return make


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """An empty folder with a tiny scenario, and the example plugin installed."""
    workplace = Workplace(tmp_path, tmp_path / "site")
    install(workplace.site, "harness_example", EXAMPLE)
    workplace.write("tiny.yaml", TINY)
    return workplace


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small networks are quickest on one thread, most of all where tests run side by side."""
    # Here, because most test files do without torch, which takes seconds to import.
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
