"""The U-Net of S001."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.api import InputError, Model

if TYPE_CHECKING:
    import torch


class SpssUnet(Model):
    """The U-Net of S001: four blocks down, four up with transposed convolutions, four
    concatenations, no batch norm.

    S001 gives neither the numbers of filters nor what upsamples, nor a bottleneck. Here filters
    double from block to block (w, 2w, 4w, 8w), the first of the two 3x3 transposed convolutions of
    a block upsamples (stride 2) and the second follows the concatenation, and there is no
    bottleneck, as none is listed. Initialisation is PyTorch's.
    """

    name: ClassVar[str] = "spss-unet"
    patch_multiple: ClassVar[int] = 16

    width: int = Field(
        32,
        ge=1,
        le=512,
        description=(
            "Filters of the first block. S001 does not say. Its 30 minutes on a GTX 1060 (4.4"
            " TFLOPS) hold 35 epochs at most with 64, were every operation at peak speed, and 70 at"
            " half of it with 32."
        ),
    )
    binary: bool = Field(
        False,
        description=(
            "One output z for two classes, given as the logits (0, z): a sigmoid, as S001's network"
            " of one output has to end in."
        ),
    )

    def build(self, channels: int, classes: int) -> torch.nn.Module:
        """From [B, channels, H, W] to logits [B, classes, H, W]; H and W are multiples of 16.

        Raises InputError where `binary` does not fit the data.
        """
        if self.binary and classes != 2:
            raise InputError(
                f"model.binary: is for two classes, and the data set has {classes}: set it to false"
            )
        from harness_networks.unets import TransposedUnet

        return TransposedUnet(
            channels, classes, [self.width * 2**depth for depth in range(4)], self.binary
        )
