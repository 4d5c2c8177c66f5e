"""What a source reports for a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def published_scores(published: Mapping[str, Any] | None, method: str) -> dict[str, float]:
    """Return what a source reports for a method, by score.

    Args:
        published: the section of that name of a scenario, or of a board's header; None where no
            source is compared with.
        method: the name of the method.

    Returns:
        The scores by name; empty where the source has none for the method.
    """
    if published is None:
        return {}
    value = published.get("values", {}).get(method, {})
    if isinstance(value, Mapping):
        return dict(value)
    # A number alone is the one score that the section names for all methods.
    return {published.get("compare", "miou"): value}
