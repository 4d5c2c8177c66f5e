"""Build the network of a run, follow its training, test it, and write its weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.core.files import replacing
from harness.core.randomness import stream_seed
from harness.plan.runs import Run
from harness.records.record import Hardware, Masks, Selection
from harness.run.annotate import TrainingLabels, whole_masks
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

    predictor: Predictor
    """The network, and how it is applied to images."""
    data: TrainingSet
    """The patches that it is trained on, with their weak labels."""
    training: FollowedTraining
    """Its epochs: nothing is trained before they are asked for."""
    settings: Training
    """How it is trained and selected."""
    hardware: Hardware
    """What it is computed on."""
    parameters: int
    """How many numbers it learns."""
    selecting_masks: Masks | None
    """Whole masks of the validation part, where they decide which network is reported."""


def build_network(run: Run, data: DividedPatches, annotated: AnnotatedPart) -> Network:
    """Build the network of a run, ready to be trained.

    Args:
        run: says which network, and how it is trained.
        data: the patches and their split.
        annotated: the weak labels of the part that is trained on.

    Raises:
        InputError: where this machine lacks the device, or no statistics fit the channels.
    """
    scenario = run.scenario
    method = run.method
    settings = scenario.training
    if method.trains_on != "training":
        # What trains on the validation part cannot be followed on it.
        settings = settings.fixed()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    indices = data.split.of(method.part)
    images = np.asarray(data.patches.images[list(indices)])
    normalisation = _measure_normalisation(images, scenario.patches.normalise, device)
    training_labels, validation_labels = annotated.labels.divided(len(indices))
    training_data = training_set(data.patches, indices, training_labels, normalisation, device)
    # Seeded here and nowhere else, so that methods of one seed begin with the same weights.
    torch.manual_seed(stream_seed(run.seed, "initialisation"))
    channels = images.shape[3]
    model = scenario.model.build(channels, data.patches.classes)
    # Convolutions on a GPU are fastest with the channels last in memory, as batches have them.
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    predictor = Predictor(model, normalisation, precision)
    measure = _choose_measure(run, settings, data, predictor, validation_labels)
    procedure = Procedure(settings, precision, run.seed)
    auxiliary_weights = scenario.model.auxiliary_weights
    epochs = train(model, training_data, method.terms, procedure, auxiliary_weights)
    return Network(
        predictor=predictor,
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

    Args:
        run: says what is scored.
        data: the patches and their split.
        network: the network, trained.
        last_epoch: the number of the last epoch.
    """
    model = network.predictor.model
    best = network.training.best
    rule = network.settings.selection
    radius = run.scenario.evaluation.boundary_radius
    evaluations = Counter[str]()

    # The only place where a network sees the test part, so that no look at it goes uncounted.
    def test(name: str) -> PatchResults:
        evaluations[name] += 1
        return evaluate(network.predictor, data.patches, data.split.test, radius)

    last = test("last")
    last_scores = summarise(last, data, run)
    if best is None:
        selection = Selection(rule=rule, last_epoch=last_epoch)
        return ReportedTest(last, last_scores, evaluations, selection)

    # Copies, since loading the best weights overwrites those of the last epoch in place.
    last_state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(best.state)
    chosen = test("best-validation")
    chosen_scores = summarise(chosen, data, run)
    selection = Selection(
        rule=rule,
        last_epoch=last_epoch,
        best_epoch=best.epoch,
        best_value=best.value,
        last=last_scores,
        best_validation=chosen_scores,
    )
    if rule == "best-validation":
        return ReportedTest(chosen, chosen_scores, evaluations, selection)
    model.load_state_dict(last_state)
    return ReportedTest(last, last_scores, evaluations, selection)


def write_weights(model: torch.nn.Module, folder: Path) -> None:
    """Write the weights of a model, so that a reader sees the old file or the new one."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        # The format knows no strides, and weights of convolutions lie channels-last.
        tensors[name] = tensor.contiguous()
    with replacing(folder / "weights.safetensors") as partial_file:
        safetensors.torch.save_file(tensors, partial_file)


def _choose_measure(
    run: Run,
    settings: Training,
    data: DividedPatches,
    predictor: Predictor,
    validation_labels: TrainingLabels,
) -> Callable[[], float] | None:
    """Choose what is computed on the validation part after each epoch.

    Args:
        run: says which classes and which losses count.
        settings: says how the training is followed.
        data: the patches and their split.
        predictor: the network.
        validation_labels: weak labels of the validation part, where they follow the training.

    Returns:
        A function that computes the validation value of the network as it is; None where the
        training is not followed.
    """
    if settings.validation == "none":
        return None
    indices = data.split.validation
    if settings.validation == "loss":
        held_out = training_set(
            data.patches,
            indices,
            validation_labels,
            predictor.normalisation,
            predictor.device,
        )
        return partial(validation_loss, predictor, held_out, run.method.terms, settings.batch_size)
    scenario = run.scenario
    names = [segmentation_class.name for segmentation_class in scenario.dataset.classes]
    classes = [names.index(name) for name in scenario.mean_over]
    return partial(validation_miou, predictor, data.patches, indices, classes)


def _count_selecting_masks(data: DividedPatches, settings: Training) -> Masks | None:
    """Count the whole masks that decide which network is reported, which are annotation too."""
    if settings.validation != "miou" or not settings.selects:
        return None
    _, ledger = whole_masks(data.patches, data.split.validation)
    return Masks(
        scenes=ledger.scenes,
        patches=ledger.patches,
        labelled_pixels=ledger.labelled_pixels,
    )


def _measure_normalisation(
    images: NDArray[np.uint8], normalise: str, device: torch.device
) -> Normalisation:
    """Return how images are standardised: by ImageNet, by the training patches, or not at all.

    Args:
        images: the training patches, uint8 [N, S, S, C].
        normalise: what the scenario says.
        device: where the network is trained.
    """
    channels = images.shape[3]
    check_channels(channels, normalise)
    if normalise == "none":
        return Normalisation.of([0.0] * channels, [1.0] * channels, device)
    if normalise == "imagenet":
        return Normalisation.of(IMAGENET_MEAN, IMAGENET_STD, device)
    pixels = images.reshape(-1, channels)
    mean = pixels.mean(0) / 255
    # A channel that is the same everywhere has no spread to divide by.
    std = np.maximum(pixels.std(0) / 255, 1e-6)
    return Normalisation.of(mean.tolist(), std.tolist(), device)
