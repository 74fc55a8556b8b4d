"""Tests of trainmark.patterns: no text passes with a line break at its end, whichever schema it is of."""

import copy
import json

import pytest
from trainmark import patterns
from trainmark.errors import TrainmarkError
from trainmark.ingest import file_reader, merging, renaming, yaml_file
from trainmark.ingest.bad_files import BadFileError
from trainmark.planning import config, reference_files

from tests.conftest import ROOT, path_of, synthetic_machine, synthetic_record, synthetic_sweep

SCHEMAS = ROOT / "workflow/schemas"


def patterned(schema: dict, data, path: tuple = ()):
    """The path to each value of a file for which its schema has a pattern."""
    if "pattern" in schema and isinstance(data, str):
        yield path
    for key, inner in schema.get("properties", {}).items():
        if isinstance(data, dict) and key in data:
            yield from patterned(inner, data[key], (*path, key))
    if isinstance(schema.get("additionalProperties"), dict):
        for key, value in (data or {}).items():
            yield from patterned(schema["additionalProperties"], value, (*path, key))


FILES = {
    "record": (synthetic_record(), str(path_of(synthetic_record()).relative_to("results/machines"))),
    "machine": (synthetic_machine(), "synthetic/machine.json"),
    "roofline": (synthetic_sweep(), "synthetic/roofline/tf-2.19/cpu.json"),
}


@pytest.mark.parametrize("name", FILES)
def test_no_text_of_a_result_ends_in_a_line_break_that_its_pattern_has_not(name):
    data, path = FILES[name]
    reader = file_reader.Reader(SCHEMAS)
    reader.result(path, json.dumps(data).encode())
    places = list(patterned(yaml_file.read(SCHEMAS / f"{name}.schema.yaml"), data))
    assert len(places) >= 2
    for place in places:
        changed = inner = copy.deepcopy(data)
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] += "\n"
        with pytest.raises(BadFileError, match="does not follow its schema"):
            reader.result(path, json.dumps(changed).encode())


def test_no_machine_of_a_configuration_ends_in_a_line_break():
    schema = yaml_file.read(SCHEMAS / "config.schema.yaml")
    values = yaml_file.read(ROOT / "config/config.yaml")
    wrong = [[p.path for p in config.schema_problems({**values, "machine": m}, schema)] for m in ("mine", "mine\n")]
    assert (("machine",) in wrong[0], ("machine",) in wrong[1]) == (False, True)


def test_no_name_in_the_ledgers_ends_in_a_line_break(tmp_path):
    text = (ROOT / "config/hardware.yaml").read_text().replace("id: apple-m1\n", 'id: "apple-m1\\n"\n', 1)
    (tmp_path / "hardware.yaml").write_text(text)
    references = str(ROOT / "config/references.yaml")
    reference_files.check([], [str(ROOT / "config/hardware.yaml")], references, SCHEMAS)
    with pytest.raises(TrainmarkError, match="id is"):
        reference_files.check([], [str(tmp_path / "hardware.yaml")], references, SCHEMAS)


def test_no_new_name_ends_in_a_line_break(tmp_path):
    with pytest.raises(TrainmarkError, match="cannot be the name of a machine"):
        renaming.rename("a", "b\n", tmp_path, SCHEMAS)
    with pytest.raises(TrainmarkError, match="cannot be the name of a machine"):
        merging.plan_merge([], tmp_path, SCHEMAS, "b\n")


def test_only_the_end_is_changed():
    assert patterns.to_python("^a$") == r"^a\Z"
    assert patterns.to_python(r"^a\$") == r"^a\$"
    assert patterns.to_python("a$b") == "a$b"
