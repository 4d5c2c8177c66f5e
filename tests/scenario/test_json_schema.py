"""The JSON schema of scenarios, and the tables of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from harness.catalog import load_catalog
from harness.scenario.json_schema import field_table, scenario_schema
from harness.scenario.settings import Evaluation

SCHEMA = scenario_schema(load_catalog(disabled=()))
GOOD: dict[str, Any] = {
    "name": "good",
    "dataset": "synthetic-landcover",
    "model": {"name": "smp", "encoder": "resnet18"},
    "methods": {"full": {"supervision": "full", "loss": "cross-entropy"}},
}


class Inner(BaseModel):
    """Fields of a field."""


class Example(BaseModel):
    """Fields of many types."""

    share: float = Field(0.5, ge=0, lt=1, description="a | b")
    mode: Literal["one", "two"] = "one"
    pair: tuple[int, int] | None = None
    names: tuple[str, ...] = ()
    inner: Inner = Inner()
    flag: bool = False
    given: int


def descriptions(schema: Any) -> Iterator[str]:
    """Yield every description in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            yield schema["description"]
        for part in schema.values():
            yield from descriptions(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from descriptions(part)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_each_description_is_one_line() -> None:
    texts = list(descriptions(SCHEMA))
    assert len(texts) > 100
    assert [text for text in texts if "\n" in text] == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"split": "group"},
        {"split": {"by": "group", "test": ["a"]}},
        {"profiles": {"smoke": {"model": {"encoder": "resnet34"}, "methods": {"full": {}}}}},
        {
            "methods": {
                "full": {
                    "supervision": ["full"],
                    "loss": [{"name": "cross-entropy", "weight": 2, "ramp": 0.1}],
                }
            }
        },
    ],
)
def test_the_schema_accepts(changes: dict[str, Any]) -> None:
    jsonschema.validate({**GOOD, **changes}, SCHEMA)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"split": "offical"},
        {"model": {"encoder": "resnet18"}},
        {"model": {"name": "smp", "encodr": "resnet18"}},
        {"profiles": {"smoke": {"name": "other"}}},
        {"profiles": {"smoke": {"profiles": {}}}},
        {"methods": {"full": {"supervision": {"name": "full", "weight": 2}}}},
    ],
)
def test_the_schema_refuses(changes: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**GOOD, **changes}, SCHEMA)


def test_a_table_of_fields() -> None:
    assert field_table(Example) == [
        "| field | values | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `share` | number from 0 below 1 | `0.5` | a \\| b |",
        "| `mode` | `one` \\| `two` | `one` |  |",
        "| `pair` | [integer, integer] \\| null | `null` |  |",
        "| `names` | list of text | `[]` |  |",
        "| `inner` | fields of inner | `{}` |  |",
        "| `flag` | true \\| false | `false` |  |",
        "| `given` | integer |  |  |",
    ]


def test_a_table_has_a_row_for_each_field() -> None:
    assert len(field_table(Evaluation)) == 2 + len(Evaluation.model_fields)
