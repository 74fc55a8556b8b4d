"""Tests of trainmark.planning.conda_environments."""

import json

from trainmark.planning import conda_environments

from tests.conftest import ROOT

SIZES = ROOT / "envs/sizes.json"


def test_environments_that_will_be_made_are_told_with_size_and_time(tmp_path):
    sizes = tmp_path / "sizes.json"
    sizes.write_text(json.dumps({"tf-2.12.linux-64.yaml": 400_000_000, "report.yaml": 100_000_000}))
    assert conda_environments.announce(
        ["/x/envs/tf-2.12.linux-64.yaml", "envs/report.yaml"], ".snakemake/conda", sizes
    ) == (
        "trainmark: 2 environments to make first, once, in .snakemake/conda: report (100 MB to download), "
        "tf-2.12.linux-64 (400 MB to download); on the disk up to 5 times as much. That takes about 3 min at 50 "
        "Mbit/s, mostly without any output."
    )
    assert "1 environment to make first" in conda_environments.announce(["envs/report.yaml"], "there", sizes)


def test_size_of_every_environment_is_known():
    sizes = json.loads(SIZES.read_text())
    assert set(sizes) == {
        path.name for kind in ("*.yaml", "*.host.txt", "controller.txt") for path in (ROOT / "envs").glob(kind)
    }
    assert all(size > (2e9 if "cuda" in name else 5e7) for name, size in sizes.items())
    assert sizes["torch-2.11.linux-64.yaml"] > 2e9  # there is no smaller one
