"""The base of everything that is read from YAML: frozen, without unknown fields, and with numbers
that are numbers."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Frozen(BaseModel):
    """A value with declared fields; others are refused, and so are numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuses true and false where a number belongs: pydantic would take them for 1 and 0."""
        types = _types(cls.model_fields[str(info.field_name)].annotation)
        if isinstance(value, bool) and types & {int, float} and bool not in types:
            raise ValueError("write a number, not yes or no")
        return value


def _types(annotation: Any) -> frozenset[Any]:
    """A type, and those that it is made of."""
    return frozenset({annotation}).union(*map(_types, get_args(annotation)))
