"""Tests of trainmark.process_environment."""

import os
import sysconfig

import pytest
from trainmark import process_environment

SHELL = {"HOME": "/home/synthetic", "PATH": "/usr/bin", "LANG": "C.UTF-8", "http_proxy": "http://proxy.invalid:3128"}
# What shells, notebooks and clusters were seen to set.
HOSTILE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MATPLOTLIBRC": "/home/synthetic/matplotlibrc",
    "KERAS_BACKEND": "jax",
    "KERAS_HOME": "/home/synthetic/.keras",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "XLA_FLAGS": "--xla_gpu_autotune_level=0",
    "CUDA_LAUNCH_BLOCKING": "1",
    "NVIDIA_TF32_OVERRIDE": "0",
    "LD_PRELOAD": "/usr/lib/libtcmalloc.so.4",
    "PYTHONPATH": "/home/synthetic/lib",
    "PYTHONHOME": "/usr",
    "PYTHONSAFEPATH": "1",
    "PIP_USER": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "SNAKEMAKE_PROFILE": "mine",
}


def test_only_what_is_named_is_passed_on():
    found = process_environment.clean({**SHELL, **HOSTILE, "ANYTHING": "else"})
    assert SHELL.items() <= found.items()
    for name, value in HOSTILE.items():
        assert found.get(name) != value, name
    assert "ANYTHING" not in found


def test_what_was_dropped_and_could_matter_is_kept_by_its_name_alone():
    found = process_environment.dropped({**SHELL, **HOSTILE, "ANYTHING": "else"})
    assert found == sorted(HOSTILE)
    assert process_environment.dropped(SHELL) == []


def test_applied_twice_it_says_the_same():
    """Snakemake sets variables of its own for the jobs: nobody's shell had them."""
    once = process_environment.clean({**SHELL, "TF_XLA_FLAGS": "x"})
    again = process_environment.clean({**once, "OMP_NUM_THREADS": "1"})
    assert again == once
    assert process_environment.dropped(again) == ["TF_XLA_FLAGS"]


def test_which_gpus_may_be_used_is_passed_on():
    given = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "SLURM_JOB_ID": "7"}
    assert given.items() <= process_environment.clean({**SHELL, **given}).items()


def test_where_conda_finds_its_channels_is_passed_on():
    given = {"CONDARC": "/lab/condarc", "MAMBARC": "/lab/mambarc", "CONDA_PKGS_DIRS": "/lab/packages"}
    assert given.items() <= process_environment.clean({**SHELL, **given}).items()


@pytest.mark.parametrize("library", ["libcuda.so.1", "libnvidia-ml.so.1", sysconfig.get_config_var("INSTSONAME")])
def test_of_the_library_path_only_folders_that_are_needed_stay(tmp_path, library):
    for name in ("needed", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "needed" / library).touch()
    (tmp_path / "other" / "libstdc++.so.6").touch()
    path = f"{tmp_path}/other:{tmp_path}/needed:"
    found = process_environment.clean({**SHELL, "LD_LIBRARY_PATH": path})
    assert found["LD_LIBRARY_PATH"].split(":")[0] == f"{tmp_path}/needed"
    assert f"{tmp_path}/other" not in found["LD_LIBRARY_PATH"]
    assert process_environment.dropped({**SHELL, "LD_LIBRARY_PATH": path}) == ["LD_LIBRARY_PATH"]


def test_windows_driver_in_wsl_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(process_environment, "_WSL", str(tmp_path))
    found = process_environment.clean(SHELL)
    assert found["PATH"] == f"/usr/bin:{tmp_path}"
    assert found["LD_LIBRARY_PATH"] == str(tmp_path)
    assert process_environment.clean(found) == found


def test_settings_in_the_users_home_cannot_be_found():
    found = process_environment.clean(SHELL)
    assert not os.path.lexists(found["KERAS_HOME"])
    assert found["MATPLOTLIBRC"] == os.devnull
    assert (found["PIP_USER"], found["PYTHONNOUSERSITE"], found["MPLBACKEND"]) == ("0", "1", "agg")
