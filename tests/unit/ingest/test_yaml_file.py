"""Tests of trainmark.ingest.yaml_file."""

import pytest
import yaml
from trainmark.ingest import yaml_file

from tests.conftest import ROOT

SHIPPED = [*ROOT.glob("config/**/*.yaml"), *ROOT.glob("workflow/schemas/*.yaml")]


def test_every_shipped_file_is_what_the_plain_parser_makes_of_it():
    assert len(SHIPPED) > 20
    for path in SHIPPED:
        assert yaml_file.read(path) == yaml.safe_load(path.read_text()), path


def test_nothing_but_plain_types_is_made(tmp_path):
    path = tmp_path / "synthetic.yaml"
    path.write_text("a: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(yaml.YAMLError, match="python/object/apply"):
        yaml_file.read(path)
