"""Predict without a network: floors, whose scores any network should exceed.

Each fits on training patches and predicts test patches. Shapes: patches of S x S pixels, C bands,
K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from harness.core.values import IGNORE, Pixels
from harness.run.patches import count_classes
from harness.scenario.settings import Floor

LabelledImage = tuple[Pixels, Pixels]
"""An image uint8 [S, S, C] and its labels uint8 [S, S], with IGNORE."""

WINDOW = 15
"""Side, in pixels, of the window in which `qda` takes means and standard deviations."""


def predictions(
    floor: Floor, labelled: Iterable[LabelledImage], tested: Iterable[Pixels], classes: int
) -> Iterator[Pixels]:
    """Fit a floor on labelled patches, and predict test patches.

    majority: the class with most labelled pixels, everywhere. mean-proportions: the class with the
    largest mean share over patches, each patch counting alike. qda: quadratic discriminant analysis
    with a uniform prior on colour and on the mean and standard deviation of each band in a window
    of 15 x 15 pixels.

    Args:
        floor: which one.
        labelled: the training patches.
        tested: images uint8 [S, S, C] of the test patches.
        classes: number of classes, K.

    Yields:
        The predicted classes, uint8 [S, S], of each test patch.

    Raises:
        ValueError: where nothing is labelled, or, for qda, too little.
    """
    if floor == "qda":
        return _predict_by_qda(labelled, tested, classes)
    return _predict_constant(floor, labelled, tested, classes)


def compute_features(image: Pixels, window: int = WINDOW) -> NDArray[np.float64]:
    """Compute what qda knows of each pixel of an image uint8 [S, S, C].

    Returns:
        float64 [S, S, 3 C]: the bands in 0..1, their means and their standard deviations in a
        window, edges mirrored.
    """
    # Imported here: slow to load, and only one of the floors needs it.
    from scipy.ndimage import uniform_filter

    bands = image.astype(np.float64) / 255
    # The last 0 keeps the bands apart: no window across them.
    mean = uniform_filter(bands, (window, window, 0), mode="reflect")
    mean_square = uniform_filter(bands**2, (window, window, 0), mode="reflect")
    # In an even area rounding can make this slightly negative.
    variance = np.maximum(mean_square - mean**2, 0)
    return np.concatenate([bands, mean, np.sqrt(variance)], 2)


def _predict_constant(
    floor: Floor, labelled: Iterable[LabelledImage], tested: Iterable[Pixels], classes: int
) -> Iterator[Pixels]:
    """Predict one class everywhere: the most frequent one, or that of the largest mean share."""
    totals = np.zeros(classes)
    for _, labels in labelled:
        counts = count_classes(labels, classes)
        if floor == "mean-proportions":
            # A patch without labels has no shares; it must not make all of them NaN.
            totals += counts / max(1, counts.sum())
        else:
            totals += counts
    if not totals.any():
        raise ValueError(f"floor {floor}: no training pixel is labelled")
    class_index = totals.argmax()
    for image in tested:
        yield np.full(image.shape[:2], class_index, np.uint8)


def _predict_by_qda(
    labelled: Iterable[LabelledImage], tested: Iterable[Pixels], classes: int
) -> Iterator[Pixels]:
    """Predict by quadratic discriminant analysis of each pixel's features."""
    # Imported here for the same reason.
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    points, values = _labelled_points(labelled)
    feature_count = points.shape[1]
    # A covariance needs more points than features; a class with fewer is never predicted.
    modelled: list[int] = []
    for class_index in range(classes):
        point_count = np.count_nonzero(values == class_index)
        if point_count > feature_count:
            modelled.append(class_index)
    if len(modelled) < 2:
        raise ValueError(
            f"floor qda: fewer than two classes have more than {feature_count} labelled pixels"
        )
    kept = np.isin(values, modelled)
    # A uniform prior: the share of a class among the labels says how it was annotated, not how
    # frequent it is.
    priors = np.full(len(modelled), 1 / len(modelled))
    model = QuadraticDiscriminantAnalysis(priors=priors, reg_param=1e-4)
    model.fit(points[kept], values[kept])
    for image in tested:
        pixels = compute_features(image).reshape(-1, feature_count)
        predicted = model.predict(pixels).astype(np.uint8)
        yield predicted.reshape(image.shape[:2])


def _labelled_points(
    labelled: Iterable[LabelledImage],
) -> tuple[NDArray[np.float64], Pixels]:
    """Return the features [points, 3 C] and the classes [points] of labelled pixels."""
    points: list[NDArray[np.float64]] = []
    values: list[Pixels] = []
    for image, labels in labelled:
        is_labelled = labels != IGNORE
        # Without this test, features would be computed for patches that give no point.
        if is_labelled.any():
            features = compute_features(image)
            points.append(features[is_labelled])
            values.append(labels[is_labelled])
    if not points:
        raise ValueError("floor qda: no training pixel is labelled")
    return np.concatenate(points), np.concatenate(values)
