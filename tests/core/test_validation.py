"""Pydantic's findings as values."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import ValidationError

from harness.core.strict_model import StrictModel
from harness.core.validation import Mistake, list_mistakes


class Example(StrictModel):
    """Two fields, of which one must be given."""

    given: int
    mode: Literal["one", "two"] = "one"


@pytest.mark.parametrize(
    ("value", "mistakes"),
    [
        ({}, [Mistake("missing", "Field required", ("given",), {})]),
        (
            {"given": 1, "other": 2},
            [Mistake("extra_forbidden", "Extra inputs are not permitted", ("other",), 2)],
        ),
        (
            {"given": 1, "mode": "three"},
            [
                Mistake(
                    "literal_error",
                    "Input should be 'one' or 'two'",
                    ("mode",),
                    "three",
                    expected="'one' or 'two'",
                )
            ],
        ),
    ],
)
def test_a_mistake_says_what_is_wrong_and_where(
    value: dict[str, Any], mistakes: list[Mistake]
) -> None:
    with pytest.raises(ValidationError) as refusal:
        Example.model_validate(value)
    assert list_mistakes(refusal.value) == mistakes
