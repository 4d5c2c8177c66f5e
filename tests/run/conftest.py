"""What tests of runs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from maps import draw_map

from harness.run.patches import PatchSet


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of patches that no other test has written to."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HARNESS_CACHE", str(folder))
    return folder


@pytest.fixture
def two_scenes(patch_set: Callable[..., PatchSet]) -> PatchSet:
    """Two scenes of 8 x 8 pixels in patches of 4, so 0 to 3 and 4 to 7: the classes of `a` lie side
    by side, `b` is of one class, but for a last patch that is ignored."""
    classes_side_by_side = draw_map(*["0000 1111"] * 8)
    partly_ignored = draw_map(*["2222 2222"] * 4, *["2222 ...."] * 4)
    return patch_set({"a": classes_side_by_side, "b": partly_ignored}, 4, 3)
