"""Tests of trainmark.ingest.file_reader: files that no run has written. All data synthetic."""

import copy
import json
import re
from collections.abc import Iterator

import jsonschema
import pytest
from trainmark.ingest import file_reader, yaml_file
from trainmark.ingest.bad_files import BadFileError

from tests.conftest import ROOT, older, path_of, synthetic_gpu, synthetic_machine, synthetic_record, synthetic_sweep

SCHEMAS = ROOT / "workflow/schemas"
READER = file_reader.Reader(SCHEMAS)
SYNTHETIC_ENVIRONMENT = synthetic_record()["environment"] | {"dropped_variables": ["SYNTHETIC"]}
FULL = {
    "record": synthetic_record(
        execution__look_up_devices=["CPU:0"],
        execution__cpus=[0],
        execution__step_fallback=["Cast"],
        execution__compute_types=["bfloat16"],
        execution__input_pipeline="synthetic",
        environment=SYNTHETIC_ENVIRONMENT | {"packages": {"keras": "3.15.1"}},
        gpu=synthetic_gpu("Synthetic GPU"),
        log_tail=["last"],
        noise__gpu_throttle_shares={"power": 0.5},
        energy__domains=[
            dict.fromkeys(("joules", "idle_watts", "reason"))
            | {"domain": "package-0", "scope": "CPU package", "source": "synthetic", "counted": False}
        ],
    ),
    "machine": synthetic_machine(),
    "roofline": synthetic_sweep() | {"environment": SYNTHETIC_ENVIRONMENT | {"packages": {"keras": "3.15.1"}}},
}
PATHS = {
    "record": "/".join(path_of(synthetic_record()).parts[2:]),
    "machine": "synthetic/machine.json",
    "roofline": "synthetic/roofline/tf-2.19/cpu.json",
}
TEXT = json.dumps(synthetic_record())


def refusal(content: str | bytes, kind: str = "record") -> str:
    """What is said of a file, without the remedy."""
    with pytest.raises(BadFileError) as caught:
        READER.result(PATHS[kind], content if isinstance(content, bytes) else content.encode())
    return caught.value.what


def inserted(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


UNREADABLE = {
    "deep": ("[" * 100_000, "is nested deeper than any record"),
    "deep within": (inserted('"seed": 2024', f'"seed": {"[" * 10**5}{"]" * 10**5}'), "is nested deeper"),
    "deep workload": (
        re.sub(r'"workload": \{.*?\}, "workload_d', f'"workload": {"[" * 10**5}{"]" * 10**5}, "workload_d', TEXT),
        "is nested deeper",
    ),
    "long integer": (inserted("2024", "1" * 5000), "holds a whole number of 5,000 digits"),
    "long format": (inserted('"format_version": ', '"format_version": ' + "1" * 5000), "whole number of 5,001 digits"),
    "code is a list": ('{"format_version": 99, "code": [1]}', "has format 99, but this trainmark reads formats up to"),
    "version is a number": ('{"format_version": 99, "code": {"version": 1}}', "has format 99"),
    "format is a list": ('{"format_version": []}', "format_version is []"),
    "format is an object": ('{"format_version": {}}', "format_version is {}"),
    "format is true": (json.dumps(older(synthetic_record(), 1) | {"format_version": True}), "format_version is true"),
    "old noise is null": (
        json.dumps(older(synthetic_record(), 2) | {"noise": None}),
        "a part does not have the form that format 2 has",
    ),
    "old noise is missing": (
        json.dumps({key: value for key, value in older(synthetic_record(), 2).items() if key != "noise"}),
        "it has no noise",
    ),
    "not UTF-8 within": (TEXT.encode().replace(b"Synthetic OS 1", b"\xff\xfe"), "is not UTF-8 text"),
    "not UTF-8 in the workload": (TEXT.encode().replace(b"fashion-mnist", b"\xff\xfe"), "is not UTF-8 text"),
    "half a character": (inserted("fashion-mnist", "\\ud800"), "JSON is malformed"),
    "UTF-16": (TEXT.encode("utf-16"), "is not UTF-8 text"),
    "byte order mark": (TEXT.encode("utf-8-sig"), "is not JSON"),
    "key twice": (inserted('"seed": 2024', '"seed": 1, "seed": 2024'), 'has the key "seed" twice in one object'),
    "inner key twice": (inserted('"fit_seconds": 20.0', '"fit_seconds": 10.0, "fit_seconds": 20.0'), "twice in one"),
    "key twice in the workload": (inserted('"epochs": 2', '"epochs": 1, "epochs": 2'), 'the key "epochs" twice'),
    "key twice, once escaped": (
        inserted('"fit_seconds": 20.0', '"fit_sec\\u006fnds": 10.0, "fit_seconds": 20.0'),
        'has the key "fit_seconds" twice in one object',
    ),
    "key twice, a colon hidden": (
        inserted('"fit_seconds": 20.0', '"fit_seconds": 9.0, "fit_seconds": 20.0').replace("CPU:0", "CPU\\u003a0", 1),
        'has the key "fit_seconds" twice in one object',
    ),
    "null workload": (json.dumps(synthetic_record() | {"workload": None}), "workload is null; expected object"),
    "unknown key in the workload": (
        json.dumps(synthetic_record(workload={**synthetic_record()["workload"], "secret": 1})),
        "workload contains unknown field secret",
    ),
    "field of a later format": (
        json.dumps(older(synthetic_record(), 1) | {"identity": synthetic_record()["identity"]}),
        "it has identity, which formats up to 1 do not have",
    ),
}


@pytest.mark.parametrize(("content", "expected"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_file_is_refused_with_a_sentence(content, expected):
    assert expected in refusal(content)


@pytest.mark.parametrize("kind", ["machine", "roofline"])
@pytest.mark.parametrize("name", ["deep", "long integer", "code is a list", "format is a list", "key twice"])
def test_other_files_are_refused_alike(kind, name):
    text = json.dumps(FULL[kind])
    content = {
        "long integer": text.replace('"format_version": ', '"format_version": ' + "1" * 4999),
        "key twice": text.replace('"machine"', '"machine": "a", "machine"'),
    }.get(name, UNREADABLE[name][0])
    assert re.search("nested deeper|5,000 digits|has format 99|format_version is|twice", refusal(content, kind))


def test_files_of_each_kind_are_read():
    for kind, data in copy.deepcopy(FULL).items():
        if kind == "record":  # no run has all of these
            del data["environment"]["packages"]
            for name in ("compute_types", "input_pipeline", "look_up_devices"):
                del data["execution"][name]
        READER.result(PATHS[kind], json.dumps(data).encode())


def each_value(schema: dict, path: tuple = ()) -> Iterator[tuple[tuple, dict]]:
    """Every value that a schema describes, with the keys that lead to it; ``0`` is an item, ``""`` any key."""
    yield path, schema
    for key, inner in schema.get("properties", {}).items():
        yield from each_value(inner, (*path, key))
    for key, word in ((0, "items"), ("", "additionalProperties")):
        if isinstance(schema.get(word), dict):
            yield from each_value(schema[word], (*path, key))


ALL_VALUES = [
    (kind, path, schema)
    for kind in FULL
    for path, schema in each_value(yaml_file.read(SCHEMAS / f"{kind}.schema.yaml"))
]


@pytest.mark.parametrize(("kind", "path", "schema"), ALL_VALUES, ids=lambda value: str(value)[:60])
def test_every_number_has_a_range_and_every_text_list_and_table_a_length(kind, path, schema):
    kinds = schema.get("type", [])
    if {"number", "integer"} & {*([kinds] if isinstance(kinds, str) else kinds)}:
        assert {"minimum", "maximum"} <= schema.keys()
    if "string" in kinds:
        assert "maxLength" in schema
    if "array" in kinds:
        assert "maxItems" in schema
    if "object" in kinds and "properties" not in schema:
        assert {"maxProperties", "propertyNames"} <= schema.keys()


def beyond(schema: dict) -> Iterator:
    """Values just outside of what a schema allows."""
    step = 1 if "integer" in schema.get("type", ()) else 1e-7
    if "minimum" in schema:
        yield schema["minimum"] - (step if schema["minimum"] in (0, 1) else max(1, abs(schema["minimum"])))
    if "maximum" in schema:
        yield schema["maximum"] + max(1, schema["maximum"] / 8) if step < 1 else schema["maximum"] + 1
        yield 10**400
        if schema["maximum"] < 2**63:
            yield 2**63
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
        yield "x" * 200_000
    if "maxItems" in schema:
        yield "longer"
    if "maxProperties" in schema:
        yield dict.fromkeys(map(str, range(schema["maxProperties"] + 1)), 0.5)
        yield {"x" * 200: 0.5}


def put(data: dict, path: tuple, value) -> dict:
    """A copy of ``data`` with another value; ``longer`` makes a list too long."""
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[next(iter(inner)) if key == "" else key]
    key = next(iter(inner)) if path[-1] == "" else path[-1]
    inner[key] = inner[key] * 10_000 if value == "longer" else value
    return data


VALIDATORS = {kind: jsonschema.Draft202012Validator(yaml_file.read(SCHEMAS / f"{kind}.schema.yaml")) for kind in FULL}
BEYOND = [(kind, path, value) for kind, path, schema in ALL_VALUES for value in beyond(schema)]


@pytest.mark.parametrize(("kind", "path", "value"), BEYOND, ids=lambda value: str(value)[:60])
def test_value_out_of_range_is_refused_by_the_schema_and_by_the_reader(kind, path, value):
    data = put(FULL[kind], path, value)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATORS[kind].validate(data)
    said = refusal(json.dumps(data), kind)
    assert len(said) < 400
    assert "does not follow its schema" in said or "holds a whole number of" in said
