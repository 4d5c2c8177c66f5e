"""What a run is computed with: device, precision, versions, git state and hardware."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from harness.core.errors import InputError
from harness.records.record import GitState, Hardware, Machine


def choose_device(wanted: str) -> torch.device:
    """Choose the training device.

    Args:
        wanted: auto, cuda, mps or cpu.

    Raises:
        InputError: for one that this machine, or this build of PyTorch, does not have.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, is_there in available.items() if is_there))
    if not available[wanted]:
        raise InputError(f"training.device: {wanted} is not available here; use auto or cpu")
    return torch.device(wanted)


def choose_precision(wanted: str, device: torch.device) -> str:
    """Choose fp32 or bf16.

    `auto` takes bf16 where the hardware computes in it, not where it is emulated, which is slower
    than fp32.
    """
    if wanted != "auto":
        return wanted
    return "bf16" if _has_native_bf16(device) else "fp32"


def _has_native_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # Both: oneDNN also reports CPUs on which it emulates bf16.
        supported = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        return supported and torch.cpu._is_avx512_bf16_supported()
    return False


def describe_hardware(device: torch.device, precision: str) -> Hardware:
    """Describe what a network is trained and tested on."""
    name = describe_machine().processor
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return Hardware(device=device.type, name=name, precision=precision, threads=threads)


PACKAGES = (
    "weakseg-harness",
    "torch",
    "numpy",
    "segmentation-models-pytorch",
    "torchvision",
    "timm",
    "rasterio",
    "pydantic",
    "pluggy",
)


def package_versions(also: Iterable[str] = ()) -> dict[str, str]:
    """Installed versions of the packages that can change a number, and of the distributions named
    in `also`."""
    found = {}
    for name in (*PACKAGES, *also):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_state(folder: Path = Path(__file__).parents[1]) -> GitState:
    """Describe the checkout that the core runs from.

    Args:
        folder: where the package lies.

    Returns:
        Its commit, and the sha256 of uncommitted changes to source; None where there is no
        checkout, or nothing has changed.
    """

    def git(where: Path, *arguments: str) -> bytes | None:
        command = ["git", "-C", str(where), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, check=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout

    # An environment may lie in somebody else's checkout: only one that tracks this package counts.
    tracked = git(folder, "ls-files", "api.py")
    top_level = git(folder, "rev-parse", "--show-toplevel")
    if not tracked or not top_level:
        return GitState(commit=None, changes=None)
    root = Path(top_level.decode().strip())
    commit = git(root, "rev-parse", "HEAD")
    changes = git(root, "diff", "HEAD", "--", "harness", "plugins") if commit else None
    return GitState(
        commit=commit.decode().strip() if commit else None,
        changes=hashlib.sha256(changes).hexdigest() if changes else None,
    )


def describe_machine() -> Machine:
    """Describe operating system, Python, processor, cores and memory."""
    memory_gib = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        memory_gib = round(memory / 2**30, 1)
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        processor=_processor(),
        cores=os.cpu_count(),
        memory_gib=memory_gib,
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB. 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if platform.system() == "Darwin" else 2**10), 1)
