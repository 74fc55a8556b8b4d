"""Tests of trainmark.cuda: the folders are fakes, the loader is the real one."""

import pytest
from trainmark import cuda

WHEELS = ("cublas/lib", "cudnn/lib", "cuda_nvcc/bin", "cuda_nvcc/nvvm/libdevice", "cudnn/include")


def test_wheels_are_found_without_hand_set_variables(tmp_path):
    for name in WHEELS:
        (tmp_path / name).mkdir(parents=True)
    found = cuda.variables(tmp_path, {"PATH": "/usr/bin", "LD_LIBRARY_PATH": "/usr/lib64-nvidia"})
    assert found == {
        "LD_LIBRARY_PATH": f"{tmp_path}/cublas/lib:{tmp_path}/cudnn/lib:/usr/lib64-nvidia",
        "PATH": f"{tmp_path}/cuda_nvcc/bin:/usr/bin",
        "XLA_FLAGS": f"--xla_gpu_cuda_data_dir={tmp_path}/cuda_nvcc",
    }
    # An empty entry would mean the working directory.
    assert cuda.variables(tmp_path, {})["LD_LIBRARY_PATH"] == f"{tmp_path}/cublas/lib:{tmp_path}/cudnn/lib"


def test_nothing_is_set_where_there_are_no_wheels(tmp_path):
    assert cuda.variables(tmp_path / "nvidia", {"PATH": "/usr/bin"}) == {}


def test_library_that_cannot_be_loaded_is_named(monkeypatch):
    monkeypatch.setitem(cuda.LIBRARIES, "12", ("libc.so.6", "libtrainmark-test.so.8"))
    why = cuda.explain_missing_gpu({"is_cuda_build": True, "cuda_version": "12.5.1"})
    assert "could not be loaded: libtrainmark-test.so.8: cannot open shared object file" in why
    assert "libc.so" not in why


@pytest.mark.parametrize("libraries", [(), ("libc.so.6",)], ids=["none known", "all load"])
def test_driver_is_to_blame_where_every_library_loads(monkeypatch, libraries):
    monkeypatch.setitem(cuda.LIBRARIES, "12", libraries)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    why = cuda.explain_missing_gpu({"is_cuda_build": True, "cuda_version": "12.5.1"})
    assert "the driver shows none that it can use: see 'nvidia-smi'. CUDA_VISIBLE_DEVICES is '7'." in why


def test_build_without_cuda_is_told():
    assert "built without CUDA" in cuda.explain_missing_gpu({"is_cuda_build": False})
