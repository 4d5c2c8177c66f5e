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
from harness.core.jobs import (
    AlreadyRunningError,
    EpochFinished,
    Event,
    Job,
    RunFinished,
    RunStarted,
    refuse_running,
)
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
    "AlreadyRunningError",
    "Batch",
    "Component",
    "Dataset",
    "EpochFinished",
    "Event",
    "Executor",
    "InputError",
    "Job",
    "Loss",
    "Model",
    "NotInKey",
    "Part",
    "Provision",
    "RunFinished",
    "RunStarted",
    "Sample",
    "Scene",
    "SegmentationClass",
    "Supervision",
    "Unit",
    "WeakLabel",
    "data_root",
    "hookimpl",
    "refuse_running",
    "stream",
    "stream_seed",
    "suggestion",
]
