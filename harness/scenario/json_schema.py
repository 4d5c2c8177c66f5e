"""What a scenario may contain, with the installed plugins.

As JSON schema for editors, and as tables for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness.catalog import Catalog
from harness.core.values import JsonObject
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


def scenario_schema(catalog: Catalog) -> JsonObject:
    """Return the JSON schema (draft 2020-12) of a scenario file."""
    schema = ScenarioSettings.model_json_schema()
    definitions = {**schema.pop("$defs"), "MethodSettings": _method_schema(catalog)}
    for kind in ("dataset", "model", "supervision", "loss"):
        definitions.update(_component_definitions(catalog, kind))
    fields_of_file = _scenario_fields(catalog)
    profiles = {
        **fields_of_file["profiles"],
        "additionalProperties": _profile_schema(catalog, fields_of_file),
    }
    schema_of_file: JsonObject = _join_lines(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$defs": definitions,
            **schema,
            "properties": {**fields_of_file, "profiles": profiles},
        }
    )
    return schema_of_file


def _field_schemas(model: type[BaseModel]) -> dict[str, JsonObject]:
    """Return the schema of each field of a model, by its name."""
    # A model without fields has no such entry.
    schemas: dict[str, JsonObject] = model.model_json_schema().get("properties", {})
    return schemas


def _scenario_fields(catalog: Catalog) -> dict[str, JsonObject]:
    """Return the schema of each field of a scenario, by its name."""
    schemas = _field_schemas(ScenarioSettings)
    # The settings take anything for a component: only the catalog knows what it may be.
    for kind in ("dataset", "model"):
        schemas[kind] = {**schemas[kind], "anyOf": _component_choices(catalog, kind)}
    # A split may be its kind alone: the validator that writes it out is not part of the schema.
    split = schemas["split"]
    reference_to_split = {"$ref": split.pop("$ref")}
    schemas["split"] = {**split, "anyOf": [reference_to_split, _field_schemas(Split)["by"]]}
    return schemas


def _method_schema(catalog: Catalog) -> JsonObject:
    """Return the schema of a method: its components are one of the catalog each, or several."""
    schemas = _field_schemas(MethodSettings)
    for kind in ("supervision", "loss"):
        choice = {"anyOf": _component_choices(catalog, kind)}
        several = {"type": "array", "items": choice, "minItems": 1}
        schemas[kind] = {**schemas[kind], "anyOf": [choice, several]}
    return {**MethodSettings.model_json_schema(), "properties": schemas}


def _component_choices(catalog: Catalog, kind: str) -> list[JsonObject]:
    """Return the schemas of what a component of a kind may be: its name, or its fields."""
    names = catalog.names(kind)
    choices: list[JsonObject] = [{"enum": names}]
    for name in names:
        choices.append({"$ref": f"#/$defs/{kind}-{name}"})
    return choices


def _component_definitions(catalog: Catalog, kind: str) -> dict[str, JsonObject]:
    """Return the schema of each component of a kind, and of the types that their fields have."""
    definitions: dict[str, JsonObject] = {}
    for name in catalog.names(kind):
        component = catalog.offers[kind][name].component
        schema = component.model_json_schema()
        definitions.update(schema.pop("$defs", {}))
        schema.pop("title", None)
        fields_of_component = {"name": {"const": name}, **schema.get("properties", {})}
        if kind == "loss":
            # Weight and ramp of a term are written among the fields of its loss.
            fields_of_component.update(_field_schemas(TermSettings))
        for field in fields_of_component.values():
            field.pop("in_key", None)  # a note for keys, unknown to JSON schema
        definitions[f"{kind}-{name}"] = {
            **schema,
            "description": first_line(component),
            "properties": fields_of_component,
            "required": ["name", *schema.get("required", [])],
        }
    return definitions


def _profile_schema(catalog: Catalog, fields_of_file: Mapping[str, JsonObject]) -> JsonObject:
    """Return the schema of a profile: the fields of a scenario, none of them required."""
    schemas: dict[str, JsonObject] = {}
    for name, schema in fields_of_file.items():
        if name not in ("name", "profiles"):
            schemas[name] = schema
    for kind in ("dataset", "model"):
        # Without a name, the fields belong to the component that the scenario names.
        nameless: JsonObject = {"type": "object", "not": {"required": ["name"]}}
        choices = [*_component_choices(catalog, kind), nameless]
        schemas[kind] = {**schemas[kind], "anyOf": choices}
    methods = {"type": "object", "additionalProperties": {"type": "object"}}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**schemas, "methods": methods},
    }


def _join_lines(schema: Any) -> Any:
    """Return a schema with each description in it in one line."""
    # Pydantic takes those of classes from docstrings, with the line ends of the source.
    if isinstance(schema, list):
        return [_join_lines(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    joined: JsonObject = {}
    for name, part in schema.items():
        # A field may be called description too: what it has is a schema, no text.
        if name == "description" and isinstance(part, str):
            joined[name] = " ".join(part.split())
        else:
            joined[name] = _join_lines(part)
    return joined


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


def _describe_values(schema: JsonObject, definitions: Mapping[str, JsonObject]) -> str:
    """Return what a JSON schema of one field admits, in words."""
    match schema:
        case {"$ref": str(target)}:
            return _describe_reference(target, definitions)
        case {"enum": choices}:
            return " | ".join(f"`{choice}`" for choice in choices)
        case {"anyOf": options}:
            return " | ".join(_describe_values(option, definitions) for option in options)
        case {"prefixItems": items}:
            descriptions = [_describe_values(item, definitions) for item in items]
            return f"[{', '.join(descriptions)}]"
        # Of a list of anything, the items have no schema, or an empty one.
        case {"type": "array", "items": item} if item:
            return f"list of {_describe_values(item, definitions)}"
        case {"type": "array"}:
            return "list"
    words = [TYPE_WORDS.get(schema.get("type", ""), "any")]
    for key, word in BOUND_WORDS.items():
        if key in schema:
            words.append(f"{word} {schema[key]:g}")
    return " ".join(words)


def _describe_reference(target: str, definitions: Mapping[str, JsonObject]) -> str:
    name = target.rpartition("/")[2]
    definition = definitions.get(name, {})
    # Choices fit into a cell; a section has a table of its own.
    if "enum" in definition:
        return _describe_values(definition, definitions)
    return f"fields of {name.lower()}"
