"""The U-Net of S000."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.api import Model

if TYPE_CHECKING:
    import torch


class HyderUnet(Model):
    """The U-Net of S000: three poolings, no batch norm, no dropout; 7.78 million parameters for RGB
    and two classes.

    Blocks of two 3x3 convolutions with ReLU and padding 1: 64, 128, 256 and 512 channels down, 256,
    128 and 64 up, after bilinear upsampling by 2 (corners aligned) and concatenation with the block
    of the same size; then a 1x1 convolution. PyTorch's initialisation.
    """

    name: ClassVar[str] = "hyder-unet"
    patch_multiple: ClassVar[int] = 8

    def build(self, channels: int, classes: int) -> torch.nn.Module:
        """From [B, channels, H, W] to logits [B, classes, H, W]; H and W are multiples of 8."""
        from harness_networks.unets import BilinearUnet

        return BilinearUnet(channels, classes, (64, 128, 256, 512))
