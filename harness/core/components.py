"""The five kinds of component.

A component is a frozen pydantic model: its fields are its hyper-parameters, one method is its job.
Declare a field once, with its default, bounds, unit and description; settings, JSON schema,
command-line help, records and documentation all come from it. Classes are final: two losses share a
function, never a base class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from pydantic.config import JsonDict

from harness.core.jobs import Event, Job
from harness.core.strict_model import StrictModel
from harness.core.values import (
    Batch,
    JsonObject,
    Provision,
    Sample,
    Scene,
    SegmentationClass,
    WeakLabel,
)

if TYPE_CHECKING:
    # For types alone: importing it takes seconds, which `harness list` need not wait for.
    import torch

NotInKey: JsonDict = {"in_key": False}
"""The `json_schema_extra` of a field that says where something is, not what it is.

Such a field does not change the key of a run.
"""

Unit = Annotated[
    Literal["scene", "patch"],
    Field(
        description="What is annotated at once: a whole source image, or each patch cut from it."
    ),
]


class Component(StrictModel, ABC):
    """What all kinds share: a public name, frozen fields, unknown fields refused."""

    name: ClassVar[str]
    """The name that scenarios use, in kebab-case."""
    version: ClassVar[str] = "1"
    """Part of every key, beside the source: raise it when results change for a reason that the
    source does not show."""
    preload: ClassVar[tuple[str, ...]] = ()
    """Slow modules that the component imports when it works, loaded once for all runs of a
    scenario."""

    def settings(self) -> JsonObject:
        """Return all field values and the name, ready for JSON.

        This is what records hold, and what the component can be made from again.
        """
        return {"name": self.name, **self.model_dump(mode="json")}

    def identity(self) -> JsonObject:
        """Return the settings that can change a number: without the fields marked `NotInKey`."""
        identity = self.settings()
        for name, field in type(self).model_fields.items():
            if field.json_schema_extra == NotInKey:
                identity.pop(name, None)
        return identity


class Dataset(Component):
    """A source of scenes with true masks."""

    licence: ClassVar[str] = "not stated"
    """The terms of use."""
    source: ClassVar[str] = "not stated"
    """Where it comes from, such as an address."""
    citation: ClassVar[str] = ""
    """How to cite it, as BibTeX."""

    @property
    @abstractmethod
    def classes(self) -> Sequence[SegmentationClass]:
        """The classes in the order of the mask: index i in a mask is `classes[i]`.

        Raises:
            InputError: where files that they come from are absent.
        """

    @abstractmethod
    def scenes(self) -> Sequence[Scene]:
        """Return all scenes, in a stable order, none decoded yet.

        Raises:
            InputError: where they are absent, naming the folder, the variable and the remedy.
        """


class Supervision(Component):
    """Makes weak labels of true masks: the only place outside evaluation that sees one."""

    provides: ClassVar[frozenset[Provision]]
    """What its weak labels carry."""
    reveals: ClassVar[tuple[str, ...]] = ()
    """What the annotation gives away beyond its labels, such as which classes are present; it is
    printed in the ledger."""

    unit: Unit = "patch"

    @abstractmethod
    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """Return the weak label of one sample. Never label a pixel whose mask is IGNORE.

        Args:
            sample: The scene or patch, with its mask.
            generator: Random numbers that belong to this sample alone.
        """

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        """Return all weak labels of a run after a pass over them; unchanged unless overridden.

        Args:
            weak_labels: Those of the training part, and of the validation part where that is
                labelled weakly.
            samples: The samples they belong to, in the same order.
            generator: Random numbers that belong to this pass alone.
        """
        return weak_labels


class Loss(Component):
    """A differentiable number that says how far logits are from weak labels."""

    requires: ClassVar[frozenset[Provision]]
    """What a weak label must carry."""

    @abstractmethod
    def __call__(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the loss, a scalar.

        A batch without any label gives zero with a gradient of zero, never NaN.

        Args:
            logits: float32 [B, K, H, W].
            batch: The images and weak labels that the logits were computed for.
        """


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
        """The weights of the auxiliary logits that the module gives in training mode.

        There are none unless overridden. What is minimised is
        objective(logits) + sum_i w_i objective(auxiliary_i).
        """
        return ()

    @abstractmethod
    def build(self, channels: int, classes: int) -> torch.nn.Module:
        """Return a module from images [B, channels, H, W] to logits [B, classes, H, W].

        It is initialised from torch's global generator. With auxiliary weights, it gives a sequence
        in training mode: the logits, then auxiliary ones of the same shape for each weight. In eval
        mode it gives the logits alone.

        Raises:
            InputError: where weights or a name cannot be had.
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
