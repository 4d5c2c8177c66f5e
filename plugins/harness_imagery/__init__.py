"""Data sets of images and masks in files: aerial imagery of Dubai and of Massachusetts, electron
microscopy, and any folder of images."""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Dataset, hookimpl
from harness_imagery.aerial_dubai import AerialDubai
from harness_imagery.epfl_em import EpflEm
from harness_imagery.image_folder import ImageFolder
from harness_imagery.massachusetts_buildings import MassachusettsBuildings


@hookimpl
def harness_datasets() -> Iterable[type[Dataset]]:
    """aerial-dubai, epfl-em, image-folder and massachusetts-buildings."""
    return [AerialDubai, EpflEm, ImageFolder, MassachusettsBuildings]
