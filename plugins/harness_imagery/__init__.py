"""Data sets of images and masks in files: the Dubai aerial imagery, and any folder of images."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Dataset, hookimpl
from harness_imagery.aerial_dubai import AerialDubai
from harness_imagery.image_folder import ImageFolder


@hookimpl
def harness_datasets() -> Iterable[type[Dataset]]:
    """aerial-dubai and image-folder."""
    return [AerialDubai, ImageFolder]
