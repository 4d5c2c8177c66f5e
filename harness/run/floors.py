"""Methods without a network: what is worth nothing below. Each fits on training patches and
predicts test patches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.core.values import IGNORE
from harness.scenario.settings import Floor

Patch = NDArray[np.uint8]


def predictions(
    floor: Floor, images: Iterator[tuple[Patch, Patch]], tested: Iterator[Patch], classes: int
) -> Iterator[Patch]:
    """Class maps uint8 [S, S] of the test patches `tested` (uint8 [S, S, C]), after fitting on
    pairs of patch and labels uint8 [S, S].

    majority: the class with most labelled pixels, everywhere. mean-proportions: the class with the
    largest mean share over patches, each patch counting alike. qda: quadratic discriminant analysis
    with a uniform prior on colour and on the mean and standard deviation of each band in a window
    of 15 x 15 pixels. Raises ValueError where nothing is labelled.
    """
    if floor == "qda":
        yield from _qda(images, tested, classes)
        return
    counts = np.zeros(classes)
    for _, labels in images:
        own = np.bincount(labels.ravel(), minlength=IGNORE + 1)[:classes]
        counts += own / max(1, own.sum()) if floor == "mean-proportions" else own
    if not counts.any():
        raise ValueError(f"floor {floor}: no training pixel is labelled")
    for image in tested:
        yield np.full(image.shape[:2], counts.argmax(), np.uint8)


def features(image: Patch, window: int = 15) -> NDArray[np.float64]:
    """float64 [H, W, 3 C]: the bands in 0..1, and their mean and standard deviation in a window,
    edges mirrored."""
    from scipy.ndimage import uniform_filter

    bands = image.astype(np.float64) / 255
    mean = uniform_filter(bands, (window, window, 0), mode="reflect")
    variance = uniform_filter(bands**2, (window, window, 0), mode="reflect") - mean**2
    return np.concatenate([bands, mean, np.sqrt(np.maximum(variance, 0))], 2)


def _qda(
    images: Iterator[tuple[Patch, Patch]], tested: Iterator[Patch], classes: int
) -> Iterator[Patch]:
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    points, values = [], []
    for image, labels in images:
        labelled = labels != IGNORE
        if labelled.any():
            points.append(features(image)[labelled])
            values.append(labels[labelled])
    if not points:
        raise ValueError("floor qda: no training pixel is labelled")
    x, y = np.concatenate(points), np.concatenate(values)
    # a covariance needs more points than features
    enough = [index for index in range(classes) if (y == index).sum() > x.shape[1]]
    if len(enough) < 2:
        raise ValueError(
            f"floor qda: fewer than two classes have more than {x.shape[1]} labelled pixels"
        )
    kept = np.isin(y, enough)
    model = QuadraticDiscriminantAnalysis(
        priors=np.full(len(enough), 1 / len(enough)), reg_param=1e-4
    )
    model.fit(x[kept], y[kept])
    for image in tested:
        flat = features(image).reshape(-1, x.shape[1])
        yield model.predict(flat).astype(np.uint8).reshape(image.shape[:2])
