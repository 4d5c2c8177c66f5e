"""The network of a run: built, trained and followed, and tested."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from harness.core.randomness import stream_seed
from harness.plan.runs import Run
from harness.records.record import Hardware, Masks, Selection
from harness.run.annotate import whole_masks
from harness.run.batches import Normalisation, TrainingSet, training_set
from harness.run.early_stopping import FollowedTraining, validation_loss, validation_miou
from harness.run.environment import choose_device, choose_precision, describe_hardware
from harness.run.evaluation.evaluate import PatchResults, Predictor, evaluate
from harness.run.evaluation.outcome import ReportedTest, summarise
from harness.run.patches import check_channels
from harness.run.prepare import AnnotatedPart, DividedPatches
from harness.run.train import Procedure, train
from harness.scenario.settings import Training

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network on its device, with what it is trained on."""

    model: torch.nn.Module
    data: TrainingSet
    training: FollowedTraining
    """Its epochs: nothing is trained before they are asked for."""
    settings: Training
    hardware: Hardware
    parameters: int
    """How many numbers it learns."""
    selecting_masks: Masks | None
    """Whole masks of the validation part, where they decide which network is reported."""


def build_network(run: Run, data: DividedPatches, annotated: AnnotatedPart) -> Network:
    """Build the network of a run, ready to be trained."""
    scenario, method = run.scenario, run.method
    settings = scenario.training
    if method.trains_on != "training":
        # What trains on the validation part cannot be followed on it.
        settings = scenario.training.fixed()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    indices = data.split[method.part]
    images = np.asarray(data.patches.images[list(indices)])
    normalisation = _measure_normalisation(images, scenario.patches.normalise, device)
    training_labels, validation_labels = annotated.labels.divided(len(indices))
    training_data = training_set(data.patches, indices, training_labels, normalisation, device)
    # Seeded here and nowhere else, so that methods of one seed begin with the same weights.
    torch.manual_seed(stream_seed(run.seed, "initialisation"))
    channels = images.shape[3]
    model = scenario.model.build(channels, data.patches.classes)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    measure: Callable[[], float] | None = None
    if settings.validation == "miou":
        validation = data.split["validation"]
        names = [segmentation_class.name for segmentation_class in scenario.dataset.classes]
        classes = [names.index(name) for name in scenario.mean_over]
        predictor = Predictor(model, normalisation, precision)
        measure = partial(validation_miou, predictor, data.patches, validation, classes)
    elif settings.validation == "loss":
        held_out = training_set(
            data.patches, data.split["validation"], validation_labels, normalisation, device
        )
        measure = partial(validation_loss, model, held_out, method.terms, settings, precision)
    procedure = Procedure(settings, precision, run.seed)
    auxiliary_weights = scenario.model.auxiliary_weights
    epochs = train(model, training_data, method.terms, procedure, auxiliary_weights)
    return Network(
        model=model,
        data=training_data,
        training=FollowedTraining(model, epochs, measure, settings),
        settings=settings,
        hardware=describe_hardware(device, precision),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        selecting_masks=_count_selecting_masks(data, settings),
    )


def evaluate_network(
    run: Run, data: DividedPatches, network: Network, last_epoch: int
) -> ReportedTest:
    """Test the network of the last epoch, and the best one, if the training was followed.

    Afterwards the model has the weights of the network that is reported.
    """
    model, best, settings = network.model, network.training.best, network.settings
    evaluations = Counter[str]()
    radius = run.scenario.evaluation.boundary_radius

    def test(name: str) -> PatchResults:
        evaluations[name] += 1
        predictor = Predictor(model, network.data.normalisation, network.hardware.precision)
        return evaluate(predictor, data.patches, data.split["test"], radius)

    last = test("last")
    selection = Selection(rule=settings.selection, last_epoch=last_epoch)
    reported, outcome = last, summarise(last, data, run)
    if best is not None:
        last_state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(best.state)
        chosen = test("best-validation")
        chosen_outcome = summarise(chosen, data, run)
        selection = Selection(
            rule=settings.selection,
            last_epoch=last_epoch,
            best_epoch=best.epoch,
            best_value=best.value,
            last=outcome,
            best_validation=chosen_outcome,
        )
        if settings.selection == "best-validation":
            reported, outcome = chosen, chosen_outcome
        else:
            model.load_state_dict(last_state)
    return ReportedTest(reported, outcome, dict(evaluations), selection)


def write_weights(model: torch.nn.Module, folder: Path) -> None:
    """Write the weights of a model, so that a reader sees the old file or the new one."""
    partial_file = folder / f".weights.{os.getpid()}"
    state = model.state_dict()
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    safetensors.torch.save_file(tensors, partial_file)
    partial_file.replace(folder / "weights.safetensors")


def _count_selecting_masks(data: DividedPatches, settings: Training) -> Masks | None:
    """Count the whole masks that decide which network is reported, which are annotation too."""
    if settings.validation != "miou" or not settings.selects:
        return None
    _, ledger = whole_masks(data.patches, data.split["validation"])
    return Masks(
        scenes=ledger["scenes"],
        patches=ledger["patches"],
        labelled_pixels=ledger["labelled_pixels"],
    )


def _measure_normalisation(
    images: NDArray[np.uint8], normalise: str, device: torch.device
) -> Normalisation:
    """Return how images are standardised: by ImageNet, by the training patches, or not at all."""
    channels = images.shape[3]
    check_channels(channels, normalise)
    if normalise == "none":
        return Normalisation.of([0.0] * channels, [1.0] * channels, device)
    if normalise == "imagenet":
        return Normalisation.of(IMAGENET_MEAN, IMAGENET_STD, device)
    flat = images.reshape(-1, channels)
    mean = flat.mean(0) / 255
    # A channel that is the same everywhere has no spread to divide by.
    std = np.maximum(flat.std(0) / 255, 1e-6)
    return Normalisation.of(mean.tolist(), std.tolist(), device)
