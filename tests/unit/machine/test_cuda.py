"""Tests of trainmark.machine.cuda: the folders are fakes, the loader is the real one."""

import pytest
from trainmark.errors import TrainmarkError
from trainmark.machine import cuda, gpus

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
    assert "the driver shows no GPU that it can use: see 'nvidia-smi'. CUDA_VISIBLE_DEVICES is '7'." in why


def test_build_without_cuda_is_told():
    assert "built without CUDA" in cuda.explain_missing_gpu({"is_cuda_build": False})


def gpu(capability, driver="580.95.05"):
    return gpus.Gpu("Synthetic GPU", driver=driver, compute_capability=capability)


@pytest.mark.parametrize(
    ("stack", "capability", "compiles"),
    [
        ("tf-2.12", "7.5", False),  # T4
        ("tf-2.12", "6.1", False),  # by the code for 6.0
        ("tf-2.12", "8.0", True),  # A100
        ("tf-2.12", "8.9", True),  # L4
        ("tf-2.12", "9.0", True),  # H100
        ("tf-2.19", "7.5", False),  # by the code for 7.0
        ("tf-2.19", "8.6", False),
        ("tf-2.19", "9.0", True),
        ("tf-2.19", None, False),
        ("torch-2.7", "6.0", False),  # P100
        ("torch-2.11", "7.5", False),  # T4
        ("torch-2.11", "8.9", False),  # by the code for 8.6
        ("jax-0.11", "7.0", False),  # V100
        ("jax-0.11", "12.1", False),  # by the code for 12.0
        ("jax-0.11", "13.0", True),
        ("torch-2.9.1-unpinned", "5.2", False),  # of which nothing is known
    ],
)
def test_what_the_driver_has_to_compile(stack, capability, compiles):
    assert cuda.must_compile(stack, gpu(capability)) is compiles
    cuda.refuse_unfit(stack, gpu(capability))


@pytest.mark.parametrize(
    ("stack", "capability", "driver", "words"),
    [
        ("tf-2.19", "9.0", "550.54.15", "has to compile the code for it, and is too old.*555.42.02 or newer"),
        ("tf-2.19", "8.0", "525.60.12", "is too old for TensorFlow 2.19 .tf-2.19. .*525.60.13 or newer"),
        ("tf-2.12", "8.0", "515.65.01", "520.61.05 or newer"),
        ("tf-2.12", "7.0", "440.33.01", "450.80.02 or newer"),
        ("tf-2.19", None, "470.182.03", "compute capability unknown.: 525.60.13 or newer"),
        ("tf-2.19", "5.2", "560.35.03", r"holds no code for Synthetic GPU \(compute capability 5.2\); expected 6.0 or"),
        # P100 and V100, whatever the driver.
        (
            "torch-2.11",
            "6.0",
            "580.95.05",
            r"Keras on torch 2.11 .*expected 7.5 to 12.x.*: jax-0.11, tf-2.12, .*torch-2.7",
        ),
        ("torch-2.11", "7.0", "535.104.05", r"holds no code for Synthetic GPU \(compute capability 7.0\)"),
        ("torch-2.11", "7.5", "570.26", "580.65.06 or newer"),
        ("torch-2.7", "10.0", "580.95.05", "expected 5.0 to 9.x"),  # nothing to compile it from
        ("torch-2.11", "2.0", "580.95.05", r"Time its CPU alone, --config 'devices=\[cpu\]'\.$"),
    ],
)
def test_gpu_or_driver_that_does_not_fit_is_refused(stack, capability, driver, words):
    with pytest.raises(TrainmarkError, match=words):
        cuda.refuse_unfit(stack, gpu(capability, driver))


def test_enough_drivers_are_enough():
    cuda.refuse_unfit("tf-2.19", gpu("9.0", "555.42.02"))
    cuda.refuse_unfit("tf-2.19", gpu("8.0", "550.54.15"))
