"""Random streams: one for each purpose and key, none of which depends on another."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

Purpose = Literal["data", "split", "supervision", "initialisation", "order", "augmentation"]


def stream_seed(seed: int, purpose: Purpose, key: str = "") -> int:
    """Return a 63-bit seed that depends on these three alone.

    The draw for one image therefore never depends on any other draw, nor on their order.
    """
    # Not `hash`, which differs between processes; nor a sum, where two streams would meet.
    digest = hashlib.blake2b(f"{seed}|{purpose}|{key}".encode(), digest_size=8).digest()
    # Torch takes a seed as a signed number of 64 bits.
    return int.from_bytes(digest, "big") >> 1


def stream(seed: int, purpose: Purpose, key: str = "") -> np.random.Generator:
    """Return an independent random generator for a seed, purpose and key (an image, an epoch)."""
    return np.random.default_rng(stream_seed(seed, purpose, key))
