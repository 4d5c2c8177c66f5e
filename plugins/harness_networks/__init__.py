"""Networks: the architectures of segmentation_models_pytorch, torchvision's DeepLabV3, and the
U-Nets of S000 and S001."""

from harness.api import Model, hookimpl
from harness_networks.hyder_unet import HyderUnet
from harness_networks.smp import SegmentationModelsPytorch
from harness_networks.spss_unet import SpssUnet
from harness_networks.torchvision_deeplabv3 import TorchvisionDeepLabV3


@hookimpl
def harness_models() -> list[type[Model]]:
    """hyder-unet, smp, spss-unet and torchvision-deeplabv3."""
    return [HyderUnet, SegmentationModelsPytorch, SpssUnet, TorchvisionDeepLabV3]
