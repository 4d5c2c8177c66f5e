"""The contract that every component keeps, ours and yours.

`check_component` checks one, `catalog_components` parametrises a test over all:

    @pytest.mark.parametrize("component", catalog_components("my-plugin"))
    def test_contract(component):
        check_component(component)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.catalog import KINDS, load_catalog
from harness.core.components import Component, Loss, Model, Supervision
from harness.core.randomness import stream
from harness.core.values import IGNORE, Batch, Sample, WeakLabel
from harness.run.label_checks import breach

CLASSES = 4
SIDE = 64
"""Classes and side length, in pixels, of the examples."""


def catalog_components(plugin: str | None = None) -> list[Any]:
    """Return the installed component classes as pytest parameters, named kind-name.

    Args:
        plugin: The plugin whose components to return; by default those of all.
    """
    import pytest

    catalog = load_catalog()
    parameters = []
    for kind in KINDS:
        for name, offer in sorted(catalog.offers[kind].items()):
            if plugin in (None, offer.plugin.name):
                parameters.append(pytest.param(offer.component, id=f"{kind}-{name}"))
    return parameters


def check_component(component: type[Component], **settings: Any) -> None:
    """Check that a component keeps the contract.

    Args:
        component: The class.
        settings: Values of its fields, needed where some have no default. Without those, only what
            can be seen from the class is checked.

    Raises:
        AssertionError: with the rule that it breaks.
    """
    _check_documentation(component)
    for name, field in component.model_fields.items():
        if field.is_required() and name not in settings:
            return
    built = component.model_validate(settings)
    _check_settings(built)
    if isinstance(built, Supervision):
        _check_supervision(built)
    elif isinstance(built, Loss):
        _check_loss(built)
    elif isinstance(built, Model):
        _check_model(built)


def example_sample(key: str = "example", classes: int = CLASSES, size: int = SIDE) -> Sample:
    """Return a sample of blocks of all classes, with an ignored corner.

    Args:
        key: Its name.
        classes: The number of classes.
        size: The side length in pixels, a multiple of 8.

    Returns:
        A sample with an image uint8 [size, size, 3] and a mask uint8 [size, size].
    """
    generator = np.random.default_rng(7)
    blocks = generator.integers(0, classes, (8, 8)).astype(np.uint8)
    side = size // 8
    mask = blocks.repeat(side, axis=0).repeat(side, axis=1)
    # Two whole blocks wide, so that a mistake with ignored pixels meets more than an edge.
    corner = size // 4
    mask[:corner, :corner] = IGNORE
    image = generator.integers(0, 256, (size, size, 3), np.uint8)
    return Sample(key, image, mask, classes)


def _check_documentation(component: type[Component]) -> None:
    """Check that the class and each of its fields say what they are."""
    assert component.__doc__, (
        f"{component.__name__} needs a docstring: `harness list` shows its first line"
    )
    for name, field in component.model_fields.items():
        assert field.description, (
            f"{component.__name__}.{name} needs a description: `harness show` prints it"
        )


def _check_settings(component: Component) -> None:
    """Check that a component can be made again from the settings that a record keeps."""
    text = json.dumps(component.settings())
    stored = json.loads(text)
    # The name finds the class, and is no field of it.
    assert stored.pop("name") == component.name
    again = type(component).model_validate(stored)
    assert again == component, "settings must survive JSON"


def _check_supervision(supervision: Supervision) -> None:
    """Check weak labels of an example, and of one that is ignored as a whole."""
    sample = example_sample()
    ignored = example_sample("all ignored")
    ignored.mask[:] = IGNORE
    labels = _annotate(supervision, sample)
    again = _annotate(supervision, sample)
    for kind in ("labels", "proportions", "tags", "regions"):
        first = getattr(labels, kind)
        second = getattr(again, kind)
        assert _same(first, second), f"{kind} must depend on the generator alone"
    samples = [sample, ignored]
    weak_labels = [labels, _annotate(supervision, ignored)]
    generator = stream(0, "supervision", "refine")
    # As in a run, where nothing is checked before it is refined.
    refined = supervision.refine(weak_labels, samples, generator)
    for labelled_sample, label in zip(samples, refined, strict=True):
        problem = breach(labelled_sample, label, supervision)
        assert not problem, f"{supervision.name}: {problem}"


def _annotate(supervision: Supervision, sample: Sample) -> WeakLabel:
    """Annotate a sample with a fresh generator, the same at each call."""
    generator = stream(0, "supervision", sample.key)
    return supervision.annotate(sample, generator)


def _same(first: NDArray[Any] | None, second: NDArray[Any] | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)


def _check_loss(loss: Loss) -> None:
    """Check the values and gradients of a loss."""
    logits, batch = _example_batch(sorted(loss.requires))
    value = _checked_value(loss, logits, batch)
    if "proportions" in loss.requires:
        _check_regions(loss, logits, batch, value)
    # A loss of proportions or tags says something about a patch without labels too.
    if loss.requires and loss.requires <= {"labels", "dense"}:
        _check_nothing_labelled(loss, logits, batch)


def _example_batch(provided: Sequence[str]) -> tuple[Any, Batch]:
    """Return random logits [2, K, H, W] that want a gradient, and a batch for them.

    Unless dense labels are provided, nine pixels of ten are unlabelled.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, CLASSES, (2, SIDE, SIDE), generator=generator)
    # The sparse case is the hard one: a mean over what is labelled, and gradients elsewhere.
    if "dense" not in provided:
        is_unlabelled = torch.rand(labels.shape, generator=generator) < 0.9
        labels[is_unlabelled] = IGNORE
    logits = torch.randn(2, CLASSES, SIDE, SIDE, generator=generator, requires_grad=True)
    scores = torch.randn(2, CLASSES, generator=generator)
    proportions = torch.softmax(scores, 1)
    labelled = labels[labels != IGNORE]
    batch = Batch(
        images=torch.randn(2, 3, SIDE, SIDE, generator=generator),
        valid=torch.ones_like(labels, dtype=torch.bool),
        labels=labels,
        proportions=proportions,
        tags=proportions > 0.1,
        labels_per_patch=torch.bincount(labelled, minlength=CLASSES) / 2,
    )
    return logits, batch


def _checked_value(loss: Loss, logits: Any, batch: Batch) -> Any:
    """Return the value of a loss: a finite scalar with a finite gradient that is not zero."""
    import torch

    logits.grad = None
    value = loss(logits, batch)
    assert value.shape == (), f"{loss.name} must be a scalar"
    value.backward()
    gradient = logits.grad
    assert torch.isfinite(value), f"{loss.name} must be finite"
    assert gradient is not None, f"{loss.name} must have a gradient"
    assert torch.isfinite(gradient).all(), f"{loss.name} must have a finite gradient"
    assert gradient.abs().sum() > 0, f"{loss.name} must have a gradient that is not zero"
    return value.detach()


def _check_regions(loss: Loss, logits: Any, batch: Batch, value: Any) -> None:
    """Check a loss of proportions with one region, and with regions that have a gap.

    Args:
        loss: The loss.
        logits: The logits of the batch.
        batch: A batch without regions.
        value: The loss of that batch.
    """
    import torch

    assert batch.proportions is not None
    one_region = replace(
        batch,
        proportions=batch.proportions[:, None],
        regions=torch.zeros_like(batch.valid, dtype=torch.int64),
    )
    value_of_one_region = loss(logits, one_region)
    assert torch.isclose(value_of_one_region, value, rtol=1e-4), (
        f"{loss.name} must be the same without regions and with one region that is the whole patch"
    )
    half_of_line = torch.arange(SIDE) // (SIDE // 2)
    quarters = half_of_line[:, None] * 2 + half_of_line
    # A quarter is in no region, and the fourth region has no pixels.
    quarters[quarters == 3] = IGNORE
    scores = torch.arange(32.0).reshape(2, 4, CLASSES) % 7
    shares = torch.softmax(scores, 2)
    four_regions = replace(batch, proportions=shares, regions=quarters.expand(2, -1, -1))
    _checked_value(loss, logits, four_regions)


def _check_nothing_labelled(loss: Loss, logits: Any, batch: Batch) -> None:
    """Check that a batch without labels pulls the network nowhere, and breaks nothing."""
    import torch

    assert batch.labels is not None
    logits.grad = None
    unlabelled = Batch(
        images=batch.images,
        valid=batch.valid,
        labels=torch.full_like(batch.labels, IGNORE),
        labels_per_patch=torch.zeros(CLASSES),
    )
    value = loss(logits, unlabelled)
    value.backward()
    assert value == 0, f"{loss.name} of a batch without labels must be zero, is {value}"
    # A mean over no pixels can be masked in the value, and still make the gradient NaN.
    assert torch.isfinite(logits.grad).all(), (
        f"{loss.name} of a batch without labels must have a finite gradient"
    )


def _check_model(model: Model) -> None:
    """Check the logits of a model, in training and in eval mode, for images of two kinds."""
    import torch

    side = max(SIDE, model.patch_multiple)
    auxiliary = len(model.auxiliary_weights)
    for channels, classes in ((1, 2), (3, 5)):
        torch.manual_seed(0)
        network = model.build(channels, classes)
        # Two images: batch normalisation has no variance of one.
        images = torch.randn(2, channels, side, side)
        expected = (2, classes, side, side)
        context = (
            f"for images of {side} x {side}, {classes} classes and {auxiliary} auxiliary weights"
        )
        shapes = _shapes(model, network(images))
        assert shapes == [expected] * (1 + auxiliary), f"{model.name} gives {shapes} {context}"
        network.eval()
        with torch.inference_mode():
            logits = network(images)
        assert isinstance(logits, torch.Tensor), (
            f"{model.name} must give the main logits alone in eval mode"
        )
        shape = tuple(logits.shape)
        assert shape == expected, f"{model.name} gives {shape} in eval mode {context}"


def _shapes(model: Model, output: Any) -> list[tuple[int, ...]]:
    """Return the shapes of the logits that a model gives in training mode."""
    import torch

    if model.auxiliary_weights:
        return [tuple(logits.shape) for logits in output]
    assert isinstance(output, torch.Tensor), (
        f"{model.name} gives a {type(output).__name__}: declare auxiliary_weights, or give logits"
    )
    return [tuple(output.shape)]
