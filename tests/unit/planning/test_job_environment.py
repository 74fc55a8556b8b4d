"""Tests of trainmark.planning.job_environment."""

import subprocess

from trainmark.planning import job_environment


def test_jobs_find_the_python_that_runs_snakemake(monkeypatch):
    monkeypatch.setattr(job_environment.os, "environ", {"PATH": "/usr/bin"})
    job_environment.prepare_jobs("/x/bin/python", use_conda=False)
    assert job_environment.os.environ == {"PATH": "/x/bin:/usr/bin"}
    assert job_environment.job_prefix("/an x", use_conda=False) == "'/an x'"


def test_jobs_inherit_nothing_of_the_callers_shell_but_what_is_passed_on(monkeypatch):
    monkeypatch.setattr(
        job_environment.os, "environ", {"PATH": "/usr/bin", "MPLBACKEND": "module://none", "PYTHONSAFEPATH": "1"}
    )
    job_environment.clean_environment()
    assert job_environment.os.environ == job_environment.process_environment.clean({"PATH": "/usr/bin"}) | {
        "TRAINMARK_DROPPED": "MPLBACKEND,PYTHONSAFEPATH"
    }


ACTIVE = {"CONDA_SHLVL": "2", "CONDA_PREFIX": "/conda/envs/a", "CONDA_PREFIX_1": "/conda", "CONDA_DEFAULT_ENV": "a"}
ACTIVE |= {"CONDA_PROMPT_MODIFIER": "(a) ", "CONDA_STACKED_2": "true", "__CONDA_SHLVL_1_NAME": "value"}


def test_conda_activates_its_environment_before_all_else(monkeypatch):
    """Where nothing is active it does, and its installation is found as before."""
    kept = {"CONDA_EXE": "/conda/bin/conda", "_CE_CONDA": "", "CONDA_PKGS_DIRS": "/cache", "CONDA_PREFIX_MINE": "x"}
    monkeypatch.setattr(
        job_environment.os, "environ", {"PATH": "/venv/bin:/conda/envs/a/bin:/usr/bin", **ACTIVE, **kept}
    )
    job_environment.prepare_jobs("/x/bin/python", use_conda=True)
    assert job_environment.os.environ == {"PATH": "/venv/bin:/conda/envs/a/bin:/usr/bin:/x/bin", **kept}


def test_job_knows_the_environment_that_conda_activated():
    shown = f"set -u; printf %s {job_environment.job_prefix('/own', use_conda=True)}"
    for environment in ({"CONDA_PREFIX": "/an env"}, {}):
        result = subprocess.run(["bash", "-c", shown], env=environment, capture_output=True, text=True, check=True)
        assert result.stdout == environment.get("CONDA_PREFIX", "")
