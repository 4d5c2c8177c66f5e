"""Proportions annotated for a few patches and shared by those that are like them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.api import Provision, Sample, Supervision, WeakLabel
from harness_proportions.shares import PROVIDES, PatchOnly, exact_shares, weak_label


class ClusteredProportions(Supervision):
    """K-means clusters of training patches, each of which gets the proportions of one
    representative (S001, table 4).

    S001 clusters the exact proportions of all patches, so it saves no annotation; clustering by
    features does, with a representative that is a patch, which alone is annotated. A patch without
    a valid pixel belongs to no cluster.
    """

    name: ClassVar[str] = "proportions-clustered"
    provides: ClassVar[frozenset[Provision]] = PROVIDES
    reveals: ClassVar[tuple[str, ...]] = ("class proportions of annotated patches",)
    preload: ClassVar[tuple[str, ...]] = ("sklearn.cluster",)

    clusters: int = Field(
        100,
        ge=1,
        description="Clusters of the training set; fewer where there are fewer different patches.",
    )
    by: Literal["proportions", "features"] = Field(
        "proportions",
        description=(
            "What is clustered. proportions: the exact ones, an oracle (S001). features: mean and"
            " standard deviation of each image channel over valid pixels, as grey values, which"
            " need no annotation."
        ),
    )
    representative: Literal["random", "centroid", "medoid"] = Field(
        "random",
        description=(
            "Whose proportions a cluster gets. random: one of its patches (S001). centroid: the"
            " mean of all of them, an oracle. medoid: the patch nearest to the centre of the"
            " cluster."
        ),
    )
    restarts: int = Field(
        10,
        ge=1,
        description=(
            "Starts of K-means, of which the tightest clusters are kept; S001 does not say how"
            " many."
        ),
    )
    unit: PatchOnly = "patch"

    def annotate(self, sample: Sample, generator: np.random.Generator) -> WeakLabel:
        """proportions: the exact ones, which `refine` clusters or shares."""
        return weak_label(exact_shares(sample))

    def refine(
        self,
        weak_labels: Sequence[WeakLabel],
        samples: Sequence[Sample],
        generator: np.random.Generator,
    ) -> Sequence[WeakLabel]:
        """proportions: those of the representative of the patch's cluster; shared where they are
        another patch's and cost nothing."""
        shares = np.stack(
            [label.proportions for label in weak_labels if label.proportions is not None]
        )
        rows = np.flatnonzero(shares.any(1))
        free = np.zeros(len(shares), np.bool_)
        if len(rows):
            points = (
                shares
                if self.by == "proportions"
                else np.stack([features(sample) for sample in samples])
            )
            shares[rows], annotated = self._shared(
                shares[rows], points[rows].astype(np.float64), generator
            )
            free[rows] = ~annotated & (self.by == "features")
        return [
            WeakLabel(proportions=row, shared=bool(one))
            for row, one in zip(shares, free, strict=True)
        ]

    def _shared(
        self,
        shares: NDArray[np.float32],
        points: NDArray[np.float64],
        generator: np.random.Generator,
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The representative's proportions for each of N patches, float32 [N, K], from their shares
        [N, K] and what is clustered [N, D]; and bool [N], the patches whose own shares that took.
        """
        clusters = k_means(points, self.clusters, self.restarts, generator)
        shared, annotated = np.empty_like(shares), np.zeros(len(shares), np.bool_)
        for cluster in np.unique(clusters):
            members = np.flatnonzero(clusters == cluster)
            if self.representative == "centroid":
                shared[members] = shares[members].mean(0, dtype=np.float64)
                annotated[members] = True
                continue
            if self.representative == "random":
                chosen = generator.choice(members)
            else:
                chosen = members[((points[members] - points[members].mean(0)) ** 2).sum(1).argmin()]
            shared[members] = shares[chosen]
            annotated[chosen] = True
        return shared, annotated


def features(sample: Sample) -> NDArray[np.float64]:
    """Mean, then standard deviation, of each channel over valid pixels, float64 [2 C]; zeros where
    there is none."""
    pixels = sample.image[sample.valid].astype(np.float64)
    if not len(pixels):
        return np.zeros(2 * sample.image.shape[2])
    return np.concatenate([pixels.mean(0), pixels.std(0)])


def k_means(
    points: NDArray[np.float64], clusters: int, restarts: int, generator: np.random.Generator
) -> NDArray[np.int32]:
    """The cluster of each of N points [N, D], int32 [N], by Lloyd's algorithm from k-means++
    starts."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    clusters = min(clusters, len(np.unique(points, axis=0)))
    seed = int(generator.integers(2**32))
    # threads add up in any order, so their sums, and ties, would differ between runs
    with threadpool_limits(1):
        labels: NDArray[np.int32] = (
            KMeans(clusters, n_init=restarts, random_state=seed).fit(points).labels_
        )
    return labels
