"""Random streams: one for each purpose and key, none of which depends on another."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    pass

Purpose = Literal["data", "split", "supervision", "initialisation", "order", "augmentation"]


def stream_seed(seed: int, purpose: Purpose, key: str = "") -> int:
    """A 63-bit seed that depends on these three alone, so the draw for one image never depends on
    any other draw."""
    digest = hashlib.blake2b(f"{seed}|{purpose}|{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def stream(seed: int, purpose: Purpose, key: str = "") -> np.random.Generator:
    """An independent random generator for one seed, purpose and key (an image, an epoch, ...)."""
    return np.random.default_rng(stream_seed(seed, purpose, key))
