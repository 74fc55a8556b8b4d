"""Tests of trainmark.machine.gpus, on answers of nvidia-smi as the real one gives them."""

import stat

import pytest
from trainmark import system
from trainmark.errors import TrainmarkError
from trainmark.machine import gpus

T4, V100, A100 = "GPU-4d2a0c60-0000", "GPU-8f6d51e5-0000", "GPU-5c89852c-0000"
BOX = f"""0, {T4}, 00000000:00:04.0, 15360, 535.104.05, [N/A], 7.5, Tesla T4
1, {V100}, 00000000:00:05.0, 16384, 535.104.05, [N/A], 7.0, Tesla V100-SXM2-16GB"""
DIVIDED = f"0, {A100}, 00000000:07:00.0, 40960, 525.60.13, Enabled, 8.0, NVIDIA A100-SXM4-40GB"
LISTING = f"""GPU 0: NVIDIA A100-SXM4-40GB (UUID: {A100})
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 2g.10gb     Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)"""
TOOL = """#!/bin/sh
case "$*" in
  -L) cat "$0.listing" ;;
  *compute_cap*)
    [ -e "$0.old" ] && echo 'Field "compute_cap" is not a valid field to query.' && exit 2
    cat "$0.rows" ;;
  *) sed "s/, [0-9.]*, \\([A-Z]\\)/, \\1/" "$0.rows" ;;
esac
"""


@pytest.fixture
def box(tmp_path, monkeypatch):
    """Install an nvidia-smi that answers with these rows; the device nodes are there."""

    def install(rows: str, listing: str = "", old: bool = False) -> None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(TOOL)
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        for name, text in (("rows", rows), ("listing", listing)):
            tool.with_name(f"nvidia-smi.{name}").write_text(text + "\n")
        if old:
            tool.with_name("nvidia-smi.old").touch()

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(system, "MAC", False)
    monkeypatch.setattr(gpus.Path, "glob", lambda path, pattern: [path / "nvidia0"])
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    gpus.usable.cache_clear()
    yield install
    gpus.usable.cache_clear()


def test_gpus_by_their_driver(box):
    box(BOX)
    first, second = gpus.usable()
    assert first == gpus.Gpu("Tesla T4", None, 15360 * 2**20, "535.104.05", "7.5", None, T4, "00000000:00:04.0", 0)
    assert second.name == "Tesla V100-SXM2-16GB"
    assert T4 not in str(first.describe())


def test_driver_that_does_not_know_the_compute_capability_tells_the_rest(box):
    box(BOX, old=True)
    assert [(gpu.name, gpu.compute_capability) for gpu in gpus.usable()] == [
        ("Tesla T4", None),
        ("Tesla V100-SXM2-16GB", None),
    ]


def test_driver_that_does_not_work_is_no_gpu(box, tmp_path):
    box(BOX)
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert gpus.usable() == ()
    assert gpus.choose() is None


def test_without_a_device_no_tool_is_asked(box, monkeypatch):
    box(BOX)
    monkeypatch.setattr(gpus.Path, "glob", lambda path, pattern: [])
    assert gpus.usable() == ()


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        (None, [T4, V100]),
        ("1", [V100]),
        ("1,0", [V100, T4]),
        ("0,7,1", [T4]),  # the list ends at the first that is not there
        ("GPU-8f6d", [V100]),
        (f"{V100},{T4}", [V100, T4]),
        ("0,0", [T4]),
        ("-1", []),
        ("", []),
        ("NoDevFiles", []),
    ],
)
def test_visible_devices_are_read_as_cuda_reads_them(box, monkeypatch, visible, found):
    box(BOX)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.uuid for gpu in gpus.usable()] == found


@pytest.mark.parametrize(
    ("wanted", "visible", "found"),
    [
        ("auto", None, V100),  # of two the one with more memory
        ("auto", "0,1", T4),
        (0, None, T4),
        ("1", None, V100),
        ("GPU-8f6d", None, V100),
        ("00:04.0", None, T4),
        ("0000:00:05.0", "1", V100),
    ],
)
def test_gpu_that_is_timed(box, monkeypatch, wanted, visible, found):
    box(BOX)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.choose(wanted).uuid == found


@pytest.mark.parametrize(("wanted", "visible"), [(2, None), (0, "1"), ("GPU-", None), ("0000:00:09.0", None)])
def test_gpu_that_is_not_there_is_refused_with_those_that_are(box, monkeypatch, wanted, visible):
    box(BOX)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(TrainmarkError, match=r"Tesla V100-SXM2-16GB \(gpu 1, 00000000:00:05.0, GPU-8f6d"):
        gpus.choose(wanted)


def test_numbers_by_speed_are_refused_where_the_gpus_differ(box, monkeypatch):
    box(BOX)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    with pytest.raises(TrainmarkError, match=f"Name it by its UUID instead, CUDA_VISIBLE_DEVICES={T4}"):
        gpus.usable()


def test_divided_gpu_is_its_instances(box, monkeypatch):
    box(DIVIDED, LISTING)
    first, second = gpus.usable()
    assert (first.name, first.mig_profile, first.memory_bytes) == ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", "3g.20gb", None)
    gpus.usable.cache_clear()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", second.uuid)
    assert gpus.choose() == second


def test_one_of_several_is_said(box):
    box(BOX)
    assert "timed is Tesla V100-SXM2-16GB (gpu 1" in gpus.remark(gpus.choose())
    assert "1 more: Tesla T4" in gpus.remark(gpus.choose())
    gpus.usable.cache_clear()
    box(BOX.splitlines()[0])
    assert gpus.remark(gpus.choose()) is None


def test_bus_ids_are_compared_by_their_numbers():
    assert gpus.same_bus("00000000:0A:04.0", "0000:0a:04.0")
    assert not gpus.same_bus("00000000:00:04.0", "0000:00:05.0")
    assert not gpus.same_bus(None, None)


@pytest.mark.parametrize(
    ("vendor", "kind", "found"),
    [("0x10de", "0x030200", True), ("0x10de", "0x040300", False), ("0x1002", "0x030000", False)],
    ids=["an NVIDIA GPU", "its sound", "another GPU"],
)
def test_gpu_on_the_bus_is_known_without_its_driver(tmp_path, vendor, kind, found):
    for name, text in (("vendor", vendor), ("class", kind)):
        (tmp_path / "0000:01:00.0").mkdir(exist_ok=True)
        (tmp_path / "0000:01:00.0" / name).write_text(f"{text}\n")
    (tmp_path / "0000:02:00.0").mkdir()
    assert gpus.is_nvidia_on_bus(tmp_path) is found
    assert not gpus.is_nvidia_on_bus(tmp_path / "none")
