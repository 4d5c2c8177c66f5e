"""Networks."""

from harness.api import Model, hookimpl
from harness_networks.smp import SegmentationModelsPytorch


@hookimpl
def harness_models() -> list[type[Model]]:
    """The architectures of segmentation_models_pytorch."""
    return [SegmentationModelsPytorch]
