"""The fuzzers, with few examples and always the same ones; ``make fuzz`` draws others for as long as one likes."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.fuzz import archives, configurations, properties, strategies

EVER_THE_SAME = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # to make the smallest example of a failure takes minutes; make fuzz may
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder to work in, with the files that a configuration names."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("fuzz")
        shutil.copytree(ROOT / "config", folder / "config")
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("files")


@settings(EVER_THE_SAME, max_examples=6)
@given(batch=st.lists(strategies.files(), min_size=20, max_size=30))
def test_file_is_merged_and_drawn_or_named(empty, batch):
    shutil.rmtree(empty)
    empty.mkdir()
    properties.check_files(batch, empty)


@settings(EVER_THE_SAME, max_examples=2)
@given(batch=st.lists(strategies.files(), min_size=30, max_size=30))
def test_page_is_written_of_all_that_was_merged(empty, batch):
    shutil.rmtree(empty)
    empty.mkdir()
    properties.check_files(batch, empty, draw=True)


@settings(EVER_THE_SAME, max_examples=12)
@given(content=archives.archives())
def test_archive_is_merged_or_named(empty, content):
    shutil.rmtree(empty)
    empty.mkdir()
    properties.check_archive(content, empty)


@settings(EVER_THE_SAME, max_examples=100)
@given(content=configurations.configurations(properties.CONFIG))
def test_configuration_is_used_or_refused(here, content):
    properties.check_configuration(content, here)
