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

RECORDED_PACKAGES = (
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
"""Those that can change a number, by the names of their distributions."""

SOURCES = ("harness", "plugins")
"""The folders of a checkout whose changes can change a number."""


def choose_device(wanted: str) -> torch.device:
    """Choose the training device.

    Args:
        wanted: auto, cuda, mps or cpu.

    Raises:
        InputError: for one that this machine, or this build of PyTorch, does not have.
    """
    has_cuda = torch.cuda.is_available()
    has_mps = torch.backends.mps.is_available()
    if wanted == "auto":
        if has_cuda:
            return torch.device("cuda")
        return torch.device("mps" if has_mps else "cpu")
    available = {"cuda": has_cuda, "mps": has_mps, "cpu": True}
    if not available[wanted]:
        raise InputError(f"training.device: {wanted} is not available here; use auto or cpu")
    return torch.device(wanted)


def choose_precision(wanted: str, device: torch.device) -> str:
    """Choose the precision of the forward pass.

    Args:
        wanted: auto, fp32 or bf16.
        device: where the network is trained.

    Returns:
        fp32 or bf16. `auto` takes bf16 where the hardware computes in it, not where it is
        emulated, which is slower than fp32.
    """
    if wanted != "auto":
        return wanted
    return "bf16" if _has_native_bf16(device) else "fp32"


def describe_hardware(device: torch.device, precision: str) -> Hardware:
    """Describe what a network is trained and tested on."""
    is_cuda = device.type == "cuda"
    return Hardware(
        device=device.type,
        name=torch.cuda.get_device_name(device) if is_cuda else _read_processor(),
        precision=precision,
        threads=torch.get_num_threads(),
    )


def package_versions(others: Iterable[str] = ()) -> dict[str, str]:
    """Return the installed versions of the packages that can change a number.

    Args:
        others: names of more distributions, such as those of the components.
    """
    versions: dict[str, str] = {}
    for name in (*RECORDED_PACKAGES, *others):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            # A model may need none of timm, and a component may come from a script.
            continue
    return versions


def git_state(folder: Path = Path(__file__).parents[1]) -> GitState:
    """Describe the checkout that the core runs from.

    Args:
        folder: where the package lies.

    Returns:
        Its commit, and the sha256 of uncommitted changes to source; None where there is no
        checkout, or nothing has changed.
    """
    # An environment may lie in somebody else's checkout: only one that tracks this package counts.
    tracked = _ask_git(folder, "ls-files", "api.py")
    top_level = _ask_git(folder, "rev-parse", "--show-toplevel")
    commit = _ask_git(folder, "rev-parse", "HEAD")
    if not tracked or not top_level or not commit:
        return GitState(commit=None, changes=None)
    root = Path(os.fsdecode(top_level).strip())
    # From the top, since the paths that `git diff` takes are those below the folder it starts in.
    changes = _ask_git(root, "diff", "HEAD", "--", *SOURCES)
    return GitState(
        commit=commit.decode().strip(),
        changes=hashlib.sha256(changes).hexdigest() if changes else None,
    )


def describe_machine() -> Machine:
    """Describe operating system, Python, processor, cores and memory."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        processor=_read_processor(),
        cores=os.cpu_count(),
        memory_gib=_read_memory_gib(),
    )


def peak_memory_mib() -> float:
    """Return the largest resident memory of this process so far; 0 where nobody tells it."""
    try:
        # Windows has no such module.
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes where others count KiB.
    units_per_mib = 2**20 if platform.system() == "Darwin" else 2**10
    return round(peak / units_per_mib, 1)


def _has_native_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        # Ampere, the first generation that has it.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # Both: oneDNN also reports CPUs on which it emulates bf16.
        supported = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
        return supported and torch.cpu._is_avx512_bf16_supported()
    return False


def _ask_git(folder: Path, *arguments: str) -> bytes | None:
    """Run git in a folder; return what it prints, or None where it fails or is not there."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _read_processor() -> str:
    """Return the name of the processor."""
    # Linux names it in a file; `platform.processor` knows no more than its architecture there.
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _read_memory_gib() -> float | None:
    """Return the memory of the machine; None where the system does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return round(memory / 2**30, 1)
