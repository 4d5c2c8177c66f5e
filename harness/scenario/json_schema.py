"""What a scenario may contain, with the installed plugins: as JSON schema for editors, and as
tables for people."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from harness.catalog import Catalog
from harness.scenario.published import Published
from harness.scenario.scenario_settings import MethodSettings, ScenarioSettings, TermSettings
from harness.scenario.settings import Patches, Split, Training


def scenario_schema(catalog: Catalog) -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a scenario file."""
    schema = ScenarioSettings.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    method = definitions["MethodSettings"]["properties"]
    term = TermSettings.model_json_schema()["properties"]
    parts = {
        "dataset": _component(catalog, "dataset", definitions),
        "model": _component(catalog, "model", definitions),
        "supervision": _component(catalog, "supervision", definitions),
        "loss": _component(catalog, "loss", definitions, term),
    }
    for name in ("supervision", "loss"):
        method[name] |= {
            "anyOf": [parts[name], {"type": "array", "items": parts[name], "minItems": 1}]
        }
    for name in ("dataset", "model"):
        schema["properties"][name] |= parts[name]
    split = schema["properties"]["split"]
    split["anyOf"] = [{"$ref": "#/$defs/Split"}, definitions["Split"]["properties"]["by"]]
    split.pop("$ref", None)
    schema["properties"]["profiles"]["additionalProperties"] = _profile(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _component(
    catalog: Catalog, kind: str, definitions: dict[str, Any], more: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A component of a kind: a name, or an object of its fields; `more` are fields beside them."""
    names = catalog.names(kind)
    alternatives: list[dict[str, Any]] = [{"enum": names}]
    for name in names:
        component = catalog.offers[kind][name].component
        schema = component.model_json_schema()
        definitions |= schema.pop("$defs", {})
        schema.pop("title", None)
        schema["description"] = first_line(component)
        schema["properties"] = {
            "name": {"const": name},
            **schema.get("properties", {}),
            **copy.deepcopy(more or {}),
        }
        for field in schema["properties"].values():
            field.pop("in_key", None)
        schema["required"] = ["name", *schema.get("required", [])]
        definitions[f"{kind}-{name}"] = schema
        alternatives.append({"$ref": f"#/$defs/{kind}-{name}"})
    return {"anyOf": alternatives}


def _profile(schema: dict[str, Any]) -> dict[str, Any]:
    """The fields of a scenario, none required: components may be given by some of their fields."""
    properties = copy.deepcopy(
        {k: v for k, v in schema["properties"].items() if k not in ("name", "profiles")}
    )
    for kind in ("dataset", "model"):
        properties[kind]["anyOf"].append({"type": "object", "not": {"required": ["name"]}})
    properties["methods"] = {"type": "object", "additionalProperties": {"type": "object"}}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def first_line(component: type[BaseModel]) -> str:
    """The summary line of a class's docstring."""
    first_paragraph = (component.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(first_paragraph.split())


def reference(catalog: Catalog) -> str:
    """Every field of a scenario and of every installed component, as Markdown."""
    lines = ["## Fields of a scenario", "", *field_table(ScenarioSettings)]
    sections: dict[str, type[BaseModel]] = {
        "patches": Patches,
        "split": Split,
        "training": Training,
        "a method": MethodSettings,
        "a loss term, beside the loss's own fields": TermSettings,
        "published": Published,
    }
    for title, section in sections.items():
        lines += ["", f"### {title}", "", *field_table(section)]
    for kind in ("dataset", "supervision", "loss", "model"):
        lines += ["", f"## Components: {kind}"]
        for name in catalog.names(kind):
            component = catalog.offers[kind][name].component
            lines += ["", f"### `{name}`", "", first_line(component), ""]
            lines += field_table(component) if component.model_fields else ["No fields."]
    return "\n".join(lines) + "\n"


def field_table(model: type[BaseModel]) -> list[str]:
    """A Markdown table of a model's fields."""
    rows = ["| field | values | default | meaning |", "| --- | --- | --- | --- |"]
    for name, values, default, meaning in fields(model):
        cells = (f"`{name}`", values, default and f"`{default}`", meaning)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def fields(model: type[BaseModel]) -> Iterable[tuple[str, str, str, str]]:
    """name, values, default and description of each field; the default is empty where one must be
    given."""
    schema = model.model_json_schema()
    for name, property_ in schema.get("properties", {}).items():
        field = model.model_fields[name]
        if field.is_required():
            default = ""
        elif isinstance(field.default, BaseModel):
            default = "{}"
        else:
            default = _yaml(field.get_default(call_default_factory=True))
        yield name, _values(property_, schema.get("$defs", {})), default, field.description or ""


def _yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "[]" if value == () else f"{value:g}" if isinstance(value, float) else str(value)


def _values(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What a JSON schema of one field admits, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return (
            _values(definitions[name], definitions)
            if "enum" in definitions.get(name, {})
            else f"fields of {name.lower()}"
        )
    if "enum" in schema:
        return " | ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_values(option, definitions) for option in schema["anyOf"])
    if "prefixItems" in schema:
        return f"[{', '.join(_values(item, definitions) for item in schema['prefixItems'])}]"
    if schema.get("type") == "array":
        return f"list of {_values(schema['items'], definitions)}" if schema.get("items") else "list"
    words = {
        "null": "null",
        "integer": "integer",
        "number": "number",
        "boolean": "true | false",
        "string": "text",
        "object": "mapping",
    }
    text = words.get(schema.get("type", ""), "any")
    bounds = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
    }
    return " ".join(
        [text, *(f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema)]
    )
