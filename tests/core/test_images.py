"""Images that have no place on earth."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from rasterio.errors import RasterioIOError

from harness.core.images import open_without_georeference


def test_pixels_survive_without_a_warning(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    path = tmp_path / "image.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_without_georeference(
            path, "w", driver="PNG", height=3, width=4, count=1, dtype="uint8"
        ) as file:
            file.write(pixels)
        with open_without_georeference(path) as file:
            assert np.array_equal(file.read(), pixels)


def test_a_file_may_be_in_memory() -> None:
    memory = io.BytesIO()
    with open_without_georeference(
        memory, "w", driver="PNG", height=2, width=2, count=1, dtype="uint8"
    ) as file:
        file.write(np.zeros((1, 2, 2), np.uint8))
    assert memory.getvalue().startswith(b"\x89PNG")


def test_what_is_no_image_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RasterioIOError), open_without_georeference(tmp_path / "absent.png"):
        pass


def test_the_core_is_imported_without_rasterio() -> None:
    code = "import sys, harness.core.images; sys.exit('rasterio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
