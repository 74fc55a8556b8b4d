"""Tests of trainmark.dataset, on the real data."""

import gzip
import urllib.error

import numpy as np
import pytest
from trainmark import dataset
from trainmark.errors import TrainmarkError


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No source has the data."""
    monkeypatch.setattr(dataset, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(dataset, "installed_folders", lambda: [tmp_path / "installed"])

    def refuse(*arguments, **options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(dataset.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(dataset.shutil, "which", lambda name: None)
    return tmp_path


def write_files(folder, payloads, compress=True):
    folder.mkdir(parents=True)
    for name, payload in payloads.items():
        content = gzip.compress(payload, 1) if compress else payload
        (folder / f"{name}{'.gz' if compress else ''}").write_bytes(content)


def test_split_is_the_articles(data_folder, payloads):
    train, validation, test = dataset.load_split(data_folder, 50_000, 10_000, 10_000)
    assert [len(images) for images, _ in (train, validation, test)] == [50_000, 10_000, 10_000]
    for images, labels in (train, validation, test):
        assert images.shape[1:] == dataset.IMAGE_SHAPE
        assert images.dtype == np.float32
        assert (images.min(), images.max()) == (0.0, 1.0)
        assert set(labels) == set(range(dataset.CLASSES))
    everything = np.frombuffer(payloads["train-labels-idx1-ubyte"], np.uint8, offset=8)
    assert (np.concatenate([train[1], validation[1]]) == everything).all()
    pixels = np.frombuffer(payloads["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 28, 28)
    assert (train[0][7] * 255 == pixels[7]).all()


def test_damaged_array_is_refused_and_named(data_folder, tmp_path):
    for path in data_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = tmp_path / "t10k-labels-idx1-ubyte.npy"
    content = bytearray(broken.read_bytes())
    content[-1] ^= 1
    broken.write_bytes(content)
    assert dataset.is_decoded(data_folder)
    assert not dataset.is_decoded(tmp_path)
    with pytest.raises(TrainmarkError, match=r"t10k-labels-idx1-ubyte\.npy does not hold the published data"):
        dataset.load_split(tmp_path, 100, 100, 100)
    broken.unlink()
    assert not dataset.is_decoded(tmp_path)
    with pytest.raises(TrainmarkError, match=r"Cannot read .*t10k-labels-idx1-ubyte\.npy"):
        dataset.load_split(tmp_path, 100, 100, 100)


@pytest.mark.parametrize("compress", [True, False])
def test_named_folder_is_used(nowhere, payloads, compress):
    write_files(nowhere / "mine", payloads, compress)
    found, source = dataset.obtain(str(nowhere / "mine"), allow_download=False)
    assert found == payloads
    assert "mine" in source


def test_nothing_found_names_all_that_was_tried_and_what_to_do(nowhere):
    with pytest.raises(TrainmarkError) as caught:
        dataset.obtain(None, allow_download=True)
    message = str(caught.value)
    for tried in (nowhere / "cache", nowhere / "installed", *dataset.ADDRESSES, dataset.DEBIAN_PACKAGE):
        assert str(tried) in message
    assert "data_folder: /path/to/the/folder" in message
    for name in dataset.PAYLOADS:
        assert f"{name}.gz" in message


def test_network_is_not_asked_when_it_must_not_be(nowhere):
    with pytest.raises(TrainmarkError, match="data_download: false") as caught:
        dataset.obtain(None, allow_download=False)
    assert "http" not in str(caught.value).split("Put the four files")[0]


def flip_a_bit(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda payload: gzip.compress(flip_a_bit(payload)),
        lambda payload: gzip.compress(payload)[:-1000],
        lambda payload: flip_a_bit(gzip.compress(payload)),
        lambda payload: b"<html>not found</html>",
        lambda payload: b"",
    ],
    ids=["other content", "cut short", "bad checksum", "a web page", "empty"],
)
def test_damaged_file_is_refused_named_and_not_used(nowhere, payloads, damage, capsys):
    name = "t10k-labels-idx1-ubyte"
    write_files(nowhere / "cache", payloads)
    (nowhere / "cache" / f"{name}.gz").write_bytes(damage(payloads[name]))
    with pytest.raises(TrainmarkError, match=rf"REFUSED, not used: .*{name}\.gz"):
        dataset.obtain(None, allow_download=False)
    write_files(nowhere / "installed", payloads)
    found, source = dataset.obtain(None, allow_download=False)
    assert found == payloads
    assert "installed" in source
    assert f"{name}.gz" in capsys.readouterr().out


def test_download_is_verified_and_cached(nowhere, payloads, monkeypatch):
    asked = []

    class Response:
        def __init__(self, address):
            self.address = address

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def read(self):
            name = self.address.rpartition("/")[2].removesuffix(".gz")
            first = self.address.startswith(dataset.ADDRESSES[0])
            return b"<html>moved</html>" if first else gzip.compress(payloads[name], 1)

    def answer(address, timeout):
        asked.append(address)
        return Response(address)

    monkeypatch.setattr(dataset.urllib.request, "urlopen", answer)
    found, source = dataset.obtain(None, allow_download=True)
    assert found == payloads
    assert dataset.ADDRESSES[1] in source
    asked.clear()
    assert dataset.obtain(None, allow_download=True)[1] == f"the folder {nowhere / 'cache'}"
    assert not asked
