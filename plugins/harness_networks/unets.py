"""The U-Nets of S000 and S001 as torch modules. Imported when a network is built, so that listing
and planning start without torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class BilinearUnet(nn.Module):
    """Blocks of two 3x3 convolutions around max pooling on the way down, and around bilinear
    upsampling on the way up.

    widths: channels of each block, from full resolution down; the last is the lowest, so there is
    one pooling fewer than widths.
    """

    def __init__(self, channels: int, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            block(before, after) for before, after in pairwise([channels, *widths])
        )
        self.up = nn.ModuleList(
            block(below + width, width) for below, width in pairwise(widths[::-1])
        )
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.last = nn.Conv2d(widths[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes, H, W] of images [B, channels, H, W]; H and W are multiples of 2 for
        each pooling."""
        features, skips = images, []
        for number, convolutions in enumerate(self.down):
            features = convolutions(self.pool(features) if number else features)
            skips.append(features)
        for convolutions, skip in zip(self.up, skips[-2::-1], strict=True):
            features = convolutions(torch.cat([self.upsample(features), skip], 1))
        logits: Tensor = self.last(features)
        return logits


class TransposedUnet(nn.Module):
    """Blocks of two 3x3 convolutions and max pooling on the way down; of two 3x3 transposed
    convolutions on the way up.

    The first transposed convolution of a block doubles the resolution, the second follows the
    concatenation. Nothing lies between the last pooling and the first of them. widths: channels of
    each block, from full resolution down. `binary`: one output z, given as the logits (0, z), whose
    softmax is (1 - sigmoid(z), sigmoid(z)).
    """

    def __init__(self, channels: int, classes: int, widths: Sequence[int], binary: bool) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            block(before, after) for before, after in pairwise([channels, *widths])
        )
        steps = list(pairwise([widths[-1], *widths[::-1]]))
        self.raising = nn.ModuleList(transposed(below, width, 2) for below, width in steps)
        self.refining = nn.ModuleList(transposed(2 * width, width, 1) for _, width in steps)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Conv2d(widths[0], 1 if binary else classes, 1)
        self.binary = binary

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes, H, W] of images [B, channels, H, W]; H and W are multiples of 2 for
        each block down."""
        features, skips = images, []
        for convolutions in self.down:
            skips.append(convolutions(features))
            features = self.pool(skips[-1])
        for raising, refining, skip in zip(self.raising, self.refining, skips[::-1], strict=True):
            features = refining(torch.cat([raising(features), skip], 1))
        logits: Tensor = self.last(features)
        return torch.cat([torch.zeros_like(logits), logits], 1) if self.binary else logits


def block(before: int, after: int) -> nn.Sequential:
    """Two 3x3 convolutions that keep the size, each followed by ReLU; no batch norm, no dropout."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(after, after, 3, padding=1),
        nn.ReLU(inplace=True),
    )


def transposed(before: int, after: int, stride: int) -> nn.Sequential:
    """A 3x3 transposed convolution that multiplies the size by its stride (1 or 2), followed by
    ReLU."""
    layer = nn.ConvTranspose2d(
        before, after, 3, stride=stride, padding=1, output_padding=stride - 1
    )
    return nn.Sequential(layer, nn.ReLU(inplace=True))
