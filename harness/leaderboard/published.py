"""What a source reports for a method."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario.published import Published


def published_scores(published: Published | None, method: str) -> dict[str, float]:
    """Return what a source has for a method, by score.

    A number alone is the score that `compare` names.
    """
    if published is None or method not in published.values:
        return {}
    value = published.values[method]
    if isinstance(value, Mapping):
        return dict(value)
    return {published.compare: value}
