"""Where a run computes, and in which precision."""

from __future__ import annotations

from typing import Any

import torch

from harness.data import InputError
from harness.provenance import machine


def choose_device(wanted: str) -> torch.device:
    """The training device. Raises InputError for one that this machine, or this build of PyTorch,
    does not have."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if has[name]))
    if not has[wanted]:
        raise InputError(f"training.device: {wanted} is not available here; use auto or cpu")
    return torch.device(wanted)


def choose_precision(wanted: str, device: torch.device) -> str:
    """fp32 or bf16; `auto` takes bf16 where the hardware computes in it, not where it is
    emulated."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    elif device.type == "cpu":
        native = (
            bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
            and torch.cpu._is_avx512_bf16_supported()
        )
    else:
        native = False
    return "bf16" if native else "fp32"


def hardware(device: torch.device, precision: str) -> dict[str, Any]:
    """What the record says of it."""
    return {
        "device": device.type,
        "name": _device_name(device),
        "precision": precision,
        "threads": torch.get_num_threads(),
    }


def _device_name(device: torch.device) -> str:
    return (
        torch.cuda.get_device_name(device) if device.type == "cuda" else str(machine()["processor"])
    )
