"""What a scenario may contain, with the installed plugins.

As JSON schema for editors, and as tables for people.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness.catalog import Catalog
from harness.scenario.published import Published
from harness.scenario.scenario_settings import MethodSettings, ScenarioSettings, TermSettings
from harness.scenario.settings import Patches, Split, Training

TYPE_WORDS = {
    "null": "null",
    "integer": "integer",
    "number": "number",
    "boolean": "true | false",
    "string": "text",
    "object": "mapping",
}
"""What the tables call the types of JSON schema."""

BOUND_WORDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
}
"""What the tables call the bounds of JSON schema."""


def scenario_schema(catalog: Catalog) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a scenario file."""
    schema = ScenarioSettings.model_json_schema()
    fields_of_file = schema["properties"]
    definitions = schema["$defs"]
    # The settings take anything for a component: only the catalog knows what it may be.
    for kind in ("dataset", "model", "supervision", "loss"):
        definitions.update(_component_definitions(catalog, kind))
    for kind in ("dataset", "model"):
        fields_of_file[kind].update(_component_choice(catalog, kind))
    for kind in ("supervision", "loss"):
        choice = _component_choice(catalog, kind)
        several = {"type": "array", "items": choice, "minItems": 1}
        definitions["MethodSettings"]["properties"][kind]["anyOf"] = [choice, several]
    # A split may be its kind alone: the validator that writes it out is not part of the schema.
    split = fields_of_file["split"]
    split["anyOf"] = [{"$ref": "#/$defs/Split"}, definitions["Split"]["properties"]["by"]]
    split.pop("$ref", None)
    fields_of_file["profiles"]["additionalProperties"] = _profile_schema(fields_of_file)
    _join_lines(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _component_choice(catalog: Catalog, kind: str) -> dict[str, Any]:
    """Return the schema of a component of a kind: its name, or an object of its fields."""
    names = catalog.names(kind)
    choices: list[dict[str, Any]] = [{"enum": names}]
    for name in names:
        choices.append({"$ref": f"#/$defs/{kind}-{name}"})
    return {"anyOf": choices}


def _component_definitions(catalog: Catalog, kind: str) -> dict[str, Any]:
    """Return the schema of each component of a kind, and of the types that their fields have."""
    definitions: dict[str, Any] = {}
    for name in catalog.names(kind):
        component = catalog.offers[kind][name].component
        schema = component.model_json_schema()
        definitions.update(schema.pop("$defs", {}))
        fields_of_component = {"name": {"const": name}, **schema.get("properties", {})}
        if kind == "loss":
            # Weight and ramp of a term are written among the fields of its loss.
            fields_of_component.update(TermSettings.model_json_schema()["properties"])
        for field in fields_of_component.values():
            field.pop("in_key", None)  # a note for keys, unknown to JSON schema
        schema.pop("title", None)
        schema["description"] = first_line(component)
        schema["properties"] = fields_of_component
        schema["required"] = ["name", *schema.get("required", [])]
        definitions[f"{kind}-{name}"] = schema
    return definitions


def _profile_schema(fields_of_file: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a profile: the fields of a scenario, none of them required."""
    properties = copy.deepcopy(fields_of_file)
    for name in ("name", "profiles"):
        del properties[name]
    for kind in ("dataset", "model"):
        # Without a name, the fields belong to the component that the scenario names.
        properties[kind]["anyOf"].append({"type": "object", "not": {"required": ["name"]}})
    properties["methods"] = {"type": "object", "additionalProperties": {"type": "object"}}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _join_lines(schema: Any) -> None:
    """Write each description in a schema in one line."""
    # Pydantic takes those of classes from docstrings, with the line ends of the source.
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            schema["description"] = " ".join(schema["description"].split())
        for part in schema.values():
            _join_lines(part)
    elif isinstance(schema, list):
        for part in schema:
            _join_lines(part)


def first_line(component: type[BaseModel]) -> str:
    """Return the summary of a class's docstring in one line."""
    first_paragraph = (component.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(first_paragraph.split())


def reference(catalog: Catalog) -> str:
    """Return every field of a scenario and of every installed component, as Markdown."""
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
            table = field_table(component) if component.model_fields else ["No fields."]
            lines += ["", f"### `{name}`", "", first_line(component), "", *table]
    return "\n".join(lines) + "\n"


class FieldRow(NamedTuple):
    """A field of a model, as tables show it."""

    name: str
    """The name."""
    values: str
    """What it admits."""
    default: str
    """The default as YAML; empty where a value must be given."""
    meaning: str
    """The description."""


def field_table(model: type[BaseModel]) -> list[str]:
    """Return the lines of a Markdown table of a model's fields."""
    lines = ["| field | values | default | meaning |", "| --- | --- | --- | --- |"]
    for row in fields(model):
        default = f"`{row.default}`" if row.default else ""
        cells = []
        for text in (f"`{row.name}`", row.values, default, row.meaning):
            # A bar would begin another cell.
            cells.append(text.replace("|", "\\|"))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def fields(model: type[BaseModel]) -> Iterable[FieldRow]:
    """Yield a row for each field of a model."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    for name, field_schema in schema.get("properties", {}).items():
        field = model.model_fields[name]
        yield FieldRow(
            name=name,
            values=_describe_values(field_schema, definitions),
            default=_write_default(field),
            meaning=field.description or "",
        )


def _write_default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    # A section has a table of its own, with the defaults of its fields.
    if isinstance(field.default, BaseModel):
        return "{}"
    return _write_yaml(field.get_default(call_default_factory=True))


def _write_yaml(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if value == ():
        return "[]"
    return str(value)


def _describe_values(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Return what a JSON schema of one field admits, in words."""
    if "$ref" in schema:
        return _describe_reference(schema["$ref"], definitions)
    if "enum" in schema:
        return " | ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        options = [_describe_values(option, definitions) for option in schema["anyOf"]]
        return " | ".join(options)
    if "prefixItems" in schema:
        items = [_describe_values(item, definitions) for item in schema["prefixItems"]]
        return f"[{', '.join(items)}]"
    if schema.get("type") == "array":
        if not schema.get("items"):
            return "list"
        return f"list of {_describe_values(schema['items'], definitions)}"
    words = [TYPE_WORDS.get(schema.get("type", ""), "any")]
    for key, word in BOUND_WORDS.items():
        if key in schema:
            words.append(f"{word} {schema[key]:g}")
    return " ".join(words)


def _describe_reference(target: str, definitions: dict[str, Any]) -> str:
    name = target.rpartition("/")[2]
    definition = definitions.get(name, {})
    # Choices fit into a cell; a section has a table of its own.
    if "enum" in definition:
        return _describe_values(definition, definitions)
    return f"fields of {name.lower()}"
