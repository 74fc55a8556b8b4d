"""Tests of trainmark.records.record and of the record's schema."""

import json

import jsonschema
import pytest
from trainmark.errors import TrainmarkError
from trainmark.ingest import file_reader, yaml_file
from trainmark.ingest.bad_files import BadFileError
from trainmark.records import record

from tests.conftest import ROOT, failed_record, path_of, synthetic_record, validate_record

SCHEMA = yaml_file.read(ROOT / "workflow/schemas/record.schema.yaml")


def test_fields_are_the_schemas():
    assert set(record.Record.__dataclass_fields__) == set(SCHEMA["required"]) == set(SCHEMA["properties"])
    assert set(SCHEMA["properties"]["status"]["enum"]) == set(record.STATUSES)
    assert SCHEMA["properties"]["format_version"]["const"] == record.FORMAT_VERSION


def test_json_has_null_for_nan():
    data = synthetic_record(accuracy__test_loss=float("nan"), accuracy__train_loss=[float("inf"), 1.0])
    read = json.loads(record.Record(**data).to_json())
    assert read["accuracy"]["test_loss"] is None
    assert read["accuracy"]["train_loss"] == [None, 1.0]
    validate_record(read)


@pytest.mark.parametrize("data", [synthetic_record(), failed_record()], ids=["ok", "failed"])
def test_valid_records(data):
    validate_record(json.loads(record.Record(**data).to_json()))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "splendid"},
        {"durations__fit_seconds": -1.0},
        {"durations__fit_seconds": None},
        {"durations": {}},
        {"accuracy": None},
        {"accuracy__test_accuracy": 1.5},
        {"batch_size": 0},
        {"batch_size": "32"},
        {"device": "tpu"},
        {"machine": "My Mac"},
        {"format_version": record.FORMAT_VERSION + 1},
        {"started_at": "yesterday"},
        {"unknown": 1},
        {"noise__hostname": "somebody"},
    ],
    ids=str,
)
def test_invalid_records_are_refused(change):
    """By the schema's own language and by the reader that is compiled from it."""
    data = synthetic_record(**change)
    with pytest.raises(jsonschema.ValidationError):
        validate_record(data)
    with pytest.raises(BadFileError):
        file_reader.Reader(ROOT / "workflow/schemas").record(
            "/".join(path_of(data).parts[2:]), json.dumps(data).encode()
        )


def each_object(schema, path="record"):
    if "properties" in schema:
        yield path, schema
        for name, inner in schema["properties"].items():
            yield from each_object(inner, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from each_object(schema["items"], f"{path}[]")


@pytest.mark.parametrize("name", ["config", "record", "machine", "roofline"])
def test_schemas_are_closed_and_described_at_every_level(name):
    schema = yaml_file.read(ROOT / f"workflow/schemas/{name}.schema.yaml")
    for path, inner in each_object(schema):
        assert inner.get("additionalProperties") is False, path
        for key, value in inner["properties"].items():
            assert value.get("description"), f"{path}.{key}"


DAMAGED = ['{"status": "ok', "", "[]", "3", "{}", "[" * 100_000, "1" * 5000]
DAMAGED += [json.dumps({"status": "ok", "durations": {}}), json.dumps({**synthetic_record(), "durations": 1})]
DAMAGED += [
    json.dumps({**synthetic_record(), "durations": {"fit_seconds": "20"}}),
    json.dumps({**failed_record(), "seed": None}),
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: content[:20])
def test_own_record_that_was_damaged_is_named_with_the_remedy(tmp_path, content):
    path = tmp_path / "1.json"
    path.write_text(json.dumps(synthetic_record()))
    assert record.load_own(path) == synthetic_record()
    path.write_text(content)
    with pytest.raises(TrainmarkError, match=r"1\.json was changed or cut off.*Remove it.*measured anew"):
        record.load_own(path)
