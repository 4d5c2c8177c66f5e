"""The five kinds of component. A component is a frozen pydantic model: its fields are its
hyper-parameters, one method is its job.

Declare a field once, with its default, bounds, unit and description; settings, JSON schema,
command-line help, records and documentation all come from it. Classes are final: two losses share a
function, never a base class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from pydantic.config import JsonDict

from harness.core.jobs import Event, Job
from harness.core.strict_model import Frozen
from harness.core.values import Batch, Provision, Sample, Scene, SegmentationClass, WeakLabel

if TYPE_CHECKING:
    import torch

NotInKey: JsonDict = {"in_key": False}
"""`json_schema_extra` of a field that says where something is, not what it is: it does not change a
run's key."""


Unit = Annotated[
    Literal["scene", "patch"],
    Field(
        description="What is annotated at once: a whole source image, or each patch cut from it."
    ),
]


class Component(Frozen, ABC):
    """What all kinds share: a public name, frozen fields, unknown fields refused."""

    name: ClassVar[str]
    """The name scenarios use, in kebab-case."""
    version: ClassVar[str] = "1"
    """Part of every key, beside the source: raise it when results change for a reason that the
    source does not show."""
    preload: ClassVar[tuple[str, ...]] = ()
    """Slow modules the component imports when it works, loaded once for all runs of a scenario."""

    def settings(self) -> dict[str, Any]:
        """All field values, JSON-ready, with the name: what is stored, and what makes the component
        again."""
        return {"name": self.name, **self.model_dump(mode="json")}

    def identity(self) -> dict[str, Any]:
        """The settings that can change a number: without the fields marked `NotInKey`."""
        located = {
            key
            for key, field in type(self).model_fields.items()
            if field.json_schema_extra == NotInKey
        }
        return {key: value for key, value in self.settings().items() if key not in located}


class Dataset(Component):
    """A source of scenes with true masks."""

    licence: ClassVar[str] = "not stated"
    source: ClassVar[str] = "not stated"
    citation: ClassVar[str] = ""

    @property
    @abstractmethod
    def classes(self) -> Sequence[SegmentationClass]:
        """The classes in mask order: index i in a mask is `classes[i]`. Raises InputError where
        files they come from are absent."""

    @abstractmethod
    def scenes(self) -> Sequence[Scene]:
        """All scenes, in a stable order, none decoded yet. Raises InputError naming the folder, the
        variable and the remedy."""


class Supervision(Component):
    """Makes weak labels of true masks: the only place outside evaluation that sees one."""

    provides: ClassVar[frozenset[Provision]]
    reveals: ClassVar[tuple[str, ...]] = ()
    """What the annotation gives away beyond its labels (say, which classes are present); printed in
    the ledger."""

    unit: Unit = "patch"

    @abstractmethod
    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """The weak label of one sample. Never labels a pixel whose mask is IGNORE. `generator`
        belongs to this sample alone."""

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        """A pass over all weak labels of a run, in the order of their samples; the identity unless
        overridden.

        Those are of the training part, and of the validation part where it is labelled weakly.
        """
        return weak_labels


class Loss(Component):
    """A differentiable number that says how far logits are from weak labels."""

    requires: ClassVar[frozenset[Provision]]

    @abstractmethod
    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The scalar loss. logits: float32 [B, K, H, W]. A batch without any label gives zero with
        a gradient of zero, never NaN."""


class Model(Component):
    """A network."""

    patch_multiple: ClassVar[int] = 1
    """Patch sizes must be a multiple of this."""

    @property
    def initialisation(self) -> str:
        """Where the weights come from, as printed on leaderboards."""
        return "random"

    @property
    def auxiliary_weights(self) -> tuple[float, ...]:
        """Weights, in the objective, of the auxiliary logits that the module gives in training
        mode; none unless overridden."""
        return ()

    @abstractmethod
    def build(self, channels: int, classes: int) -> torch.nn.Module:
        """A module from images [B, channels, H, W] to logits [B, classes, H, W], initialised from
        torch's global generator.

        Of a model with auxiliary weights, the module gives a sequence in training mode: the logits,
        then auxiliary ones of the same shape for each weight w_i; what is minimised is
        objective(logits) + sum_i w_i objective(auxiliary_i). In eval mode it gives the logits
        alone. Raises InputError where weights or a name cannot be had.
        """


class Executor(Component):
    """Runs jobs somewhere: in this process, in others, or on other machines."""

    @abstractmethod
    def execute(self, jobs: Iterable[Job]) -> Iterator[Event]:
        """Perform the jobs, and yield their events as they happen.

        The events of one job are in order; those of different jobs may be mixed. Every job ends
        with a `RunFinished`: of a job whose process died, it is the one that `Job.abandon` returns,
        and of a job that another process holds, the one of `refuse_running`.
        """
