"""The base of everything that is read from YAML."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class StrictModel(BaseModel):
    """A frozen value with declared fields.

    It refuses unknown fields, numbers that are not finite, and true or false for a number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_yes_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        # Python's True is 1, so pydantic takes `epochs: yes` for one epoch.
        if isinstance(value, bool):
            types = _mentioned_types(cls.model_fields[str(info.field_name)].annotation)
            if types & {int, float} and bool not in types:
                raise ValueError("write a number, not yes or no")
        return value


def _mentioned_types(annotation: Any) -> frozenset[Any]:
    """Return a type and all types that it is made of, such as int and None of `int | None`."""
    types = frozenset({annotation})
    for argument in get_args(annotation):
        types |= _mentioned_types(argument)
    return types
