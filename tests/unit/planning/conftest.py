"""Plans of a synthetic machine, and its records."""

import json

import pytest
from trainmark.ingest import yaml_file
from trainmark.planning import config as configuration
from trainmark.planning import plan

from tests.conftest import ROOT, path_of

DEFAULT = yaml_file.read(ROOT / "config/config.yaml")
HERE = configuration.Surroundings(False, ("tf-2.19",), (), "linux-64")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(data):
    path = path_of(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


def make(**changes):
    return plan.make_plan({**DEFAULT, "machine": "synthetic", "epochs": 2, **changes}, HERE)
