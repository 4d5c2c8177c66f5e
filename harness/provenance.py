"""What a run was computed with: versions, git state and hardware."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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


def git_state(folder: Path = Path(__file__).parent) -> dict[str, str | None]:
    """Commit of the checkout the core runs from, and the sha256 of uncommitted changes to source
    (None when clean or no checkout)."""
    root = folder.parent

    def git(*arguments: str) -> bytes | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(root), *arguments], capture_output=True, check=True, timeout=10
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout

    tracked = git("ls-files", "harness/data.py")
    commit = git("rev-parse", "HEAD") if tracked else None
    changes = git("diff", "HEAD", "--", "harness", "plugins") if commit else None
    return {
        "commit": commit.decode().strip() if commit else None,
        "changes": hashlib.sha256(changes).hexdigest() if changes else None,
    }


def machine() -> dict[str, Any]:
    """Operating system, Python, processor, cores and memory (GiB)."""
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": memory,
    }


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
