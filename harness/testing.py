"""The contract every component keeps, ours and yours: `check_component` for one,
`catalog_components` to parametrise over all.

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

from harness.catalog import KINDS, load_catalog
from harness.core.components import Component, Loss, Model, Supervision
from harness.core.randomness import stream
from harness.core.values import IGNORE, Batch, Sample
from harness.run.label_checks import breach


def catalog_components(plugin: str | None = None) -> list[Any]:
    """The installed component classes, of one plugin or of all, as pytest parameters named
    kind-name."""
    import pytest

    catalog = load_catalog()
    return [
        pytest.param(offer.component, id=f"{kind}-{name}")
        for kind in KINDS
        for name, offer in sorted(catalog.offers[kind].items())
        if plugin in (None, offer.plugin.name)
    ]


def check_component(component: type[Component], **settings: Any) -> None:
    """Raises AssertionError with the broken rule. `settings` are needed where the component has
    fields without a default."""
    assert component.__doc__, (
        f"{component.__name__} needs a docstring: `harness list` shows its first line"
    )
    for name, field in component.model_fields.items():
        assert field.description, (
            f"{component.__name__}.{name} needs a description: `harness show` prints it"
        )
    required = {name for name, field in component.model_fields.items() if field.is_required()}
    if required - set(settings):
        return  # nothing to build it from
    built = component.model_validate(settings)
    stored = json.loads(json.dumps(built.settings()))
    assert stored.pop("name") == component.name
    assert component.model_validate(stored) == built, "settings must survive JSON"
    if isinstance(built, Supervision):
        _check_supervision(built)
    elif isinstance(built, Loss):
        _check_loss(built)
    elif isinstance(built, Model):
        _check_model(built)


def example_sample(key: str = "example", classes: int = 4, size: int = 64) -> Sample:
    """A sample of blocks of all classes with an ignored corner: image uint8 [size, size, 3], mask
    uint8 [size, size]."""
    generator = np.random.default_rng(7)
    mask = np.repeat(
        np.repeat(generator.integers(0, classes, (8, 8)).astype(np.uint8), size // 8, 0),
        size // 8,
        1,
    )
    mask[: size // 4, : size // 4] = IGNORE
    return Sample(key, generator.integers(0, 256, (size, size, 3), np.uint8), mask, classes)


def _check_supervision(supervision: Supervision) -> None:
    samples = [example_sample(), example_sample("all ignored")]
    samples[1].mask[:] = IGNORE
    labels = [
        supervision.annotate(sample, stream(0, "supervision", sample.key)) for sample in samples
    ]
    again = supervision.annotate(samples[0], stream(0, "supervision", samples[0].key))
    for kind in ("labels", "proportions", "tags", "regions"):
        first, second = getattr(labels[0], kind), getattr(again, kind)
        assert (first is None and second is None) or np.array_equal(first, second), (
            f"{kind} must depend on the generator alone"
        )
    for sample, label in zip(
        samples,
        supervision.refine(labels, samples, stream(0, "supervision", "refine")),
        strict=True,
    ):
        problem = breach(sample, label, supervision)
        assert not problem, f"{supervision.name}: {problem}"


def _example_batch(provided: Sequence[str]) -> tuple[Any, Batch]:
    import torch

    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (2, 64, 64), generator=generator)
    if "dense" not in provided:
        labels[torch.rand(labels.shape, generator=generator) < 0.9] = IGNORE
    logits = torch.randn(2, 4, 64, 64, generator=generator, requires_grad=True)
    proportions = torch.softmax(torch.randn(2, 4, generator=generator), 1)
    counts = torch.bincount(labels[labels != IGNORE], minlength=4) / 2
    valid = torch.ones_like(labels, dtype=torch.bool)
    images = torch.randn(2, 3, 64, 64, generator=generator)
    return logits, Batch(images, valid, labels, proportions, proportions > 0.1, counts)


def _check_loss(loss: Loss) -> None:
    import torch

    logits, batch = _example_batch(sorted(loss.requires))
    value = _checked_value(loss, logits, batch)
    if "proportions" in loss.requires and batch.proportions is not None:
        whole = replace(
            batch,
            proportions=batch.proportions[:, None],
            regions=torch.zeros_like(batch.valid, dtype=torch.int64),
        )
        same = torch.isclose(loss(logits, whole), value, rtol=1e-4)
        assert same, (
            f"{loss.name} must be the same without regions and with one region that is the whole"
            " patch"
        )
        quarters = torch.arange(64)[:, None] // 32 * 2 + torch.arange(64) // 32
        # a quarter in no region, and a fourth region without pixels
        quarters[quarters == 3] = IGNORE
        shares = torch.softmax(torch.arange(32.0).reshape(2, 4, 4) % 7, 2)
        _checked_value(
            loss, logits, replace(batch, proportions=shares, regions=quarters.expand(2, -1, -1))
        )
    if batch.labels is not None and loss.requires and loss.requires <= {"labels", "dense"}:
        logits.grad = None
        empty = Batch(
            batch.images,
            batch.valid,
            torch.full_like(batch.labels, IGNORE),
            labels_per_patch=torch.zeros(4),
        )
        nothing = loss(logits, empty)
        nothing.backward()
        assert nothing == 0, f"{loss.name} of a batch without labels must be zero, is {nothing}"
        assert torch.isfinite(logits.grad).all(), (
            f"{loss.name} of a batch without labels must have a finite gradient"
        )


def _checked_value(loss: Loss, logits: Any, batch: Batch) -> Any:
    """The value of a loss, which must be a finite scalar with a finite gradient that is not
    zero."""
    import torch

    logits.grad = None
    value = loss(logits, batch)
    assert value.shape == (), f"{loss.name} must be a scalar"
    value.backward()
    assert torch.isfinite(value), f"{loss.name} must be finite"
    assert logits.grad is not None, f"{loss.name} must have a gradient"
    assert torch.isfinite(logits.grad).all(), f"{loss.name} must have a finite gradient"
    assert logits.grad.abs().sum() > 0, f"{loss.name} must have a gradient that is not zero"
    return value.detach()


def _check_model(model: Model) -> None:
    import torch

    size = max(64, model.patch_multiple)
    for channels, classes in ((1, 2), (3, 5)):
        torch.manual_seed(0)
        network = model.build(channels, classes)
        images = torch.randn(2, channels, size, size)
        auxiliary, given = len(model.auxiliary_weights), network(images)
        if not auxiliary:
            assert isinstance(given, torch.Tensor), (
                f"{model.name} gives a {type(given).__name__}: declare auxiliary_weights, or give"
                " logits"
            )
        shapes = [tuple(logits.shape) for logits in (given if auxiliary else [given])]
        expected = (2, classes, size, size)
        what = f"for images of {size} x {size}, {classes} classes and {auxiliary} auxiliary weights"
        assert shapes == [expected] * (1 + auxiliary), f"{model.name} gives {shapes} {what}"
        network.eval()
        with torch.inference_mode():
            given = network(images)
        assert isinstance(given, torch.Tensor), (
            f"{model.name} must give the main logits alone in eval mode"
        )
        assert tuple(given.shape) == expected, (
            f"{model.name} gives {tuple(given.shape)} in eval mode {what}"
        )
