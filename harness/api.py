"""All that a plugin may import. Everything else in the core is private and may change."""

from harness.components import (
    Component,
    Dataset,
    Executor,
    Loss,
    Model,
    NotInKey,
    Supervision,
    Unit,
)
from harness.data import (
    IGNORE,
    Batch,
    InputError,
    Part,
    Provision,
    Sample,
    Scene,
    SegmentationClass,
    WeakLabel,
    stream,
    stream_seed,
)
from harness.folders import data_root
from harness.hookspecs import hookimpl
from harness.suggestions import suggestion

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
