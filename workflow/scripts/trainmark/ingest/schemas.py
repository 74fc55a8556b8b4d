"""JSON schemas turned into decoders: reading and checking a file in one pass, in C, by the library msgspec.

The schemas in workflow/schemas stay the one description of what a file holds. Only what they use is understood;
anything else is refused when the decoder is made, so that nothing in them is silently without effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

import msgspec

from trainmark import patterns

_TYPES = {"integer": int, "number": float, "string": str, "boolean": bool, "null": None}
_LIMITS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "pattern": "pattern", "maxLength": "max_length"}
_LIST_LIMITS = {"minItems": "min_length", "maxItems": "max_length"}
_DICTIONARY_LIMITS = {"maxProperties": "max_length"}
_ANNOTATIONS = {"$schema", "title", "description", "type"}


def compile_type(schema: Mapping[str, Any], name: str = "Root", raw: tuple[str, ...] = ()) -> Any:
    """The msgspec type of the values that a schema allows.

    Args:
        schema: of an object, array, number, text or enumeration; ``if`` and ``then`` are left to the reader.
        name: for the types that are made.
        raw: properties whose text is to be kept as it is, for decoding later.

    Raises:
        ValueError: if the schema says something that is not understood.
    """
    if "const" in schema or "enum" in schema:
        return Literal[tuple(schema.get("enum", [schema.get("const")]))]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return Union[tuple(_compile_kind(kind, schema, name, raw) for kind in kinds)]  # noqa: UP007, made at run time


def _compile_kind(kind: str, schema: Mapping[str, Any], name: str, raw: tuple[str, ...]) -> Any:
    if kind == "object":
        return _compile_object(schema, name, raw)
    if kind == "null":
        return None
    if kind == "array":
        _refuse_unknown(schema, {"items", *_LIST_LIMITS})
        item: Any = compile_type(schema["items"], f"{name}Item")
        return _limited(list[item], schema, _LIST_LIMITS)
    _refuse_unknown(schema, {*_LIMITS})
    return _limited(_TYPES[kind], schema, _LIMITS)


def _limited(kind: Any, schema: Mapping[str, Any], names: Mapping[str, str]) -> Any:
    """A type with the limits that the schema sets, by their names there and in msgspec."""
    limits = {names[key]: value for key, value in schema.items() if key in names}
    if "pattern" in limits:
        limits["pattern"] = patterns.to_python(limits["pattern"])
    return Annotated[kind, msgspec.Meta(**limits)] if limits else kind


def _compile_object(schema: Mapping[str, Any], name: str, raw: tuple[str, ...]) -> Any:
    extra = schema.get("additionalProperties")
    if "properties" not in schema:
        _refuse_unknown(schema, {"additionalProperties", "propertyNames", *_DICTIONARY_LIMITS})
        names: Any = compile_type({"type": "string", **schema.get("propertyNames", {})})
        values: Any = compile_type(schema["additionalProperties"], f"{name}Item")
        return _limited(dict[names, values], schema, _DICTIONARY_LIMITS)
    _refuse_unknown(schema, {"properties", "required", "additionalProperties", "if", "then"})
    if extra is not False:
        raise ValueError(f"the schema of {name} is not closed by additionalProperties: false")
    fields = []
    for key, inner in schema["properties"].items():
        kind = msgspec.Raw if key in raw else compile_type(inner, f"{name}{key.title().replace('_', '')}")
        required = key in schema.get("required", ())
        fields.append((key, kind) if required else (key, Union[kind, msgspec.UnsetType], msgspec.UNSET))  # noqa: UP007
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False, kw_only=True)


def _refuse_unknown(schema: Mapping[str, Any], known: set[str]) -> None:
    unknown = schema.keys() - _ANNOTATIONS - known
    if unknown:
        raise ValueError(f"schema keywords that are not understood here: {', '.join(sorted(unknown))}")
