"""Tests of trainmark.ingest.older_formats: what became of fields that were renamed."""

import pytest
from trainmark.ingest.older_formats import UPGRADES, upgrade

from tests.conftest import failed_record, older, synthetic_record, validate_record


@pytest.mark.parametrize("plugin", [None, "tensorflow-metal 1.2.0"])
def test_format_5_says_what_trained_by_its_name(plugin):
    new = synthetic_record(versions__plugin=plugin)
    old = older(new, 5)
    assert (old["versions"]["tensorflow"], "framework" in old["versions"]) == ("2.19.1", False)
    assert old["versions"]["tensorflow_metal"] == (plugin and "1.2.0")
    assert upgrade(old, UPGRADES) == new
    validate_record(upgrade(old, UPGRADES))


def test_failure_of_format_5_that_came_to_no_version_has_none():
    assert upgrade(older(failed_record(), 5), UPGRADES)["versions"] == {}
