"""Generated data sets: no download."""

from harness.api import Dataset, hookimpl
from harness_synthetic.landcover import SyntheticLandcover


@hookimpl
def harness_datasets() -> list[type[Dataset]]:
    """Synthetic land cover."""
    return [SyntheticLandcover]
