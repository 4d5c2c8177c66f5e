"""All that a plugin may import. Everything else in the core is private and may change."""

from harness.core.components import (
    Component,
    Dataset,
    Executor,
    Loss,
    Model,
    NotInKey,
    Supervision,
    Unit,
)
from harness.core.errors import InputError, suggestion
from harness.core.paths import data_root
from harness.core.randomness import stream, stream_seed
from harness.core.values import (
    IGNORE,
    Batch,
    Part,
    Provision,
    Sample,
    Scene,
    SegmentationClass,
    WeakLabel,
)
from harness.hookspecs import hookimpl

__all__ = [
    "IGNORE",
    "Batch",
    "Component",
    "Dataset",
    "Executor",
    "InputError",
    "Loss",
    "Model",
    "NotInKey",
    "Part",
    "Provision",
    "Sample",
    "Scene",
    "SegmentationClass",
    "Supervision",
    "Unit",
    "WeakLabel",
    "data_root",
    "hookimpl",
    "stream",
    "stream_seed",
    "suggestion",
]
