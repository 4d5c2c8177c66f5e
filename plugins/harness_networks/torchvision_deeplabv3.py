"""DeepLabV3 of the library torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from harness.api import InputError, Model, data_root

if TYPE_CHECKING:
    import torch
    from torch import Tensor

HEAD = "aux_classifier."
FRESH = ("classifier.4.", f"{HEAD}4.")
"""Layers never taken from a file: the last ones, which are for the classes of the file."""


class TorchvisionDeepLabV3(Model):
    """DeepLabV3 on a ResNet-50 with output stride 8, from torchvision (Chen et al. 2017, S004), on
    request with its auxiliary head.

    It has batch norm, after global pooling too, so it trains on batches of two patches or more.
    """

    name: ClassVar[str] = "torchvision-deeplabv3"
    preload: ClassVar[tuple[str, ...]] = ("torchvision",)
    patch_multiple: ClassVar[int] = 8

    weights: str | None = Field(
        None,
        description=(
            "What the network starts from. null: random. Else a safetensors file, absolute or below"
            " HARNESS_DATA, with the names of torchvision's deeplabv3_resnet50 (such as its COCO"
            " weights, S004; the last layers stay random) or of its resnet50 (ImageNet)."
        ),
    )

    auxiliary_weight: float = Field(
        0.0,
        ge=0,
        description=(
            "Weight, in the objective, of the logits of an auxiliary FCN head on the features"
            " before the last stage (torchvision's own training script: 0.5). 0: no such head. Only"
            " trained with, but counted among the parameters."
        ),
    )

    @field_validator("weights")
    @classmethod
    def _present(cls, weights: str | None) -> str | None:
        if weights is not None and not _file(weights).is_file():
            raise ValueError(
                f"there is no file {_file(weights)}: write null, or a safetensors file of weights"
            )
        return weights

    @property
    def initialisation(self) -> str:
        """random, or the file's name."""
        return "random" if self.weights is None else Path(self.weights).name

    @property
    def auxiliary_weights(self) -> tuple[float, ...]:
        """One where there is an auxiliary head."""
        return (self.auxiliary_weight,) if self.auxiliary_weight else ()

    def build(self, channels: int, classes: int) -> torch.nn.Module:
        """From [B, channels, H, W] to logits [B, classes, H, W]; H and W are multiples of 8. In
        training mode B is at least 2.

        With an auxiliary head, its logits are given too in training mode, after the main ones.
        """
        import torch
        from torchvision.models.segmentation import deeplabv3_resnet50

        model: Any = deeplabv3_resnet50(
            weights=None,
            weights_backbone=None,
            num_classes=classes,
            aux_loss=bool(self.auxiliary_weight),
        )
        if self.weights is not None:
            _load(model, _file(self.weights))
        if channels != 3:
            first = torch.nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
            # as torchvision's ResNet does
            torch.nn.init.kaiming_normal_(first.weight, mode="fan_out", nonlinearity="relu")
            if self.weights is not None:
                _spread(first.weight, model.backbone.conv1.weight)
            model.backbone.conv1 = first
        model.register_forward_pre_hook(_check_batch)
        model.register_forward_hook(_logits)
        network: torch.nn.Module = model
        return network


def _check_batch(model: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
    if model.training and len(inputs[0]) < 2:
        raise InputError(
            "model: torchvision-deeplabv3 cannot train on a single patch (batch norm after global"
            " pooling): raise batch_size"
        )


def _logits(
    model: torch.nn.Module, inputs: tuple[Tensor, ...], outputs: dict[str, Tensor]
) -> Tensor | list[Tensor]:
    return list(outputs.values()) if model.training and "aux" in outputs else outputs["out"]


def _spread(target: Tensor, weights: Tensor) -> None:
    """Fills the weights [64, C, 7, 7] of a first layer for C channels from those for RGB, keeping
    the sum over channels on average."""
    import torch

    channels = target.shape[1]
    repeated = (
        torch.cat([weights] * -(-channels // 3), 1)[:, :channels]
        if channels > 1
        else weights.mean(1, keepdim=True)
    )
    with torch.no_grad():
        target.copy_(repeated * 3 / channels)


def _file(weights: str) -> Path:
    path = Path(weights).expanduser()
    return path if path.is_absolute() else data_root() / path


def _load(model: torch.nn.Module, file: Path) -> None:
    """Copies the weights of a file into the layers they are for. Raises InputError naming the file
    and what it lacks."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, Any] = load_file(file)
    except (SafetensorError, OSError) as error:
        raise InputError(f"model.weights: {file} is no safetensors file: {error}") from error
    whole = any(name.startswith("backbone.") for name in state)
    if whole:
        dropped = (*FRESH, HEAD) if model.aux_classifier is None else FRESH
        state = {name: value for name, value in state.items() if not name.startswith(dropped)}
    else:
        state = {
            f"backbone.{name}": value for name, value in state.items() if not name.startswith("fc.")
        }
    try:
        missing, unknown = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise InputError(
            f"model.weights: {file} is of another network: {str(error).splitlines()[1].strip()}"
        ) from error
    given = (*FRESH, HEAD) if whole else (HEAD, "classifier.")
    missing = [
        name
        for name in missing
        if not name.startswith(given) and not name.endswith("num_batches_tracked")
    ]
    if missing or unknown:
        what = f"lacks {missing[0]}" if missing else f"holds {unknown[0]}"
        raise InputError(
            f"model.weights: {file} {what}: give weights of torchvision's deeplabv3_resnet50 or"
            " resnet50"
        )
