"""Tests of trainmark.dataset.cifar, on invented archives in the official format: the real ones are 170 MB."""

import dataclasses
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from trainmark.dataset import arrays, cifar, sources
from trainmark.errors import TrainmarkError

from tests import cifar_files

TRAIN, TEST = 50, 20
DICE = np.random.default_rng(1)
IMAGES = DICE.integers(0, 256, (TRAIN + TEST, 32, 32, 3), np.uint8)
LABELS = DICE.integers(0, 10, TRAIN + TEST, np.uint8)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A thousandth of the images."""
    monkeypatch.setattr(cifar, "TRAIN_IMAGES", TRAIN)
    monkeypatch.setattr(cifar, "TEST_IMAGES", TEST)


def members(archive: cifar.Archive, **changes: bytes) -> dict[str, bytes]:
    """The files of an archive, some replaced or left out (None)."""
    each = TRAIN // len(archive.train)
    parts = {name: slice(n * each, (n + 1) * each) for n, name in enumerate(archive.train)}
    parts[archive.test] = slice(TRAIN, None)
    key = archive.labels.decode()
    found = {name: cifar_files.batch(IMAGES[part], LABELS[part], key) for name, part in parts.items()}
    found |= {"batches.meta": b"not read"} | changes
    return {f"{archive.folder}/{name}": content for name, content in found.items() if content is not None}


def published(archive: cifar.Archive, content: bytes) -> cifar.Archive:
    """The archive, if this content were what is published."""
    return dataclasses.replace(archive, sha256=hashlib.sha256(content).hexdigest())


BOTH = pytest.mark.parametrize("archive", [cifar.CIFAR_10, cifar.CIFAR_100], ids=lambda archive: archive.name)


@BOTH
def test_archive_is_decoded_split_and_verified_anew(archive, tmp_path):
    content = cifar_files.archive(members(archive))
    data = cifar.data_set(published(archive, content))
    (tmp_path / archive.file).write_bytes(content)
    files, source = data.obtain(str(tmp_path), False)
    assert str(tmp_path) in source
    folder = tmp_path / "decoded"
    data.save(files, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*data.files, "decoded.json"])
    assert data.is_decoded(folder)
    train, validation, test = data.load_split(folder, 30, 15, 10)
    assert [len(images) for images, _ in (train, validation, test)] == [30, 15, 10]
    assert train[0].dtype == np.float32
    assert (np.rint(np.concatenate([train[0], validation[0]]) * 255) == IMAGES[:45]).all()
    assert (np.rint(test[0] * 255) == IMAGES[TRAIN : TRAIN + 10]).all()
    assert (np.concatenate([train[1], validation[1], test[1]]) == [*LABELS[:45], *LABELS[TRAIN : TRAIN + 10]]).all()
    other = cifar.data_set(dataclasses.replace(archive, name="another"))
    assert not other.is_decoded(folder)
    path = folder / "train_labels.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    assert not data.is_decoded(folder)
    with pytest.raises(TrainmarkError, match=r"train_labels.npy does not hold cifar-\d+ as it was decoded"):
        data.load_split(folder, 30, 15, 10)
    path.unlink()
    with pytest.raises(TrainmarkError, match=r"Cannot read .*train_labels.npy"):
        data.load_split(folder, 30, 15, 10)


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No source has the data; gives the folder of the user's cache."""
    monkeypatch.setattr(sources, "caches", lambda: tmp_path / "cache")
    monkeypatch.setattr(sources, "home", lambda: tmp_path / "home")

    def refuse(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(sources.urllib.request, "urlopen", refuse)
    return tmp_path


def test_other_archives_are_refused_before_anything_in_them_is_read(nowhere, monkeypatch):
    good = cifar_files.archive(members(cifar.CIFAR_10))
    archive = published(cifar.CIFAR_10, good)
    evil = cifar_files.archive(members(cifar.CIFAR_10, data_batch_1=b"cos\nsystem\n(S'touch pwned'\ntR."))
    monkeypatch.setattr(cifar.tarfile, "open", lambda *_, **__: pytest.fail("it was opened"))
    (nowhere / "mine").mkdir()
    for content in (evil, good[:-100], good + b"x", b"<html>", b""):
        (nowhere / "mine" / archive.file).write_bytes(content)
        with pytest.raises(TrainmarkError, match=r"REFUSED, not used: .*SHA-256") as caught:
            cifar.obtain(archive, str(nowhere / "mine"), False)
        assert f"expected {archive.sha256}" in str(caught.value)
    huge = dataclasses.replace(archive, size_bytes=len(good) - 1)
    (nowhere / "mine" / archive.file).write_bytes(good)
    with pytest.raises(TrainmarkError, match="larger than"):
        cifar.obtain(huge, str(nowhere / "mine"), False)
    assert not list(nowhere.rglob("pwned"))


def test_nothing_found_names_all_that_was_tried_and_what_to_do(nowhere):
    with pytest.raises(TrainmarkError) as caught:
        cifar.obtain(cifar.CIFAR_10, None, True)
    message = str(caught.value)
    for tried in (nowhere / "cache/cifar-10", nowhere / "home/.keras/datasets", *cifar.CIFAR_10.addresses):
        assert str(tried) in message
    assert "Put the file\n  cifar-10-python.tar.gz\n" in message
    with pytest.raises(TrainmarkError, match="data_download: false"):
        cifar.obtain(cifar.CIFAR_10, None, False)


def test_download_is_kept_and_kerass_cache_is_known(nowhere, monkeypatch):
    content = cifar_files.archive(members(cifar.CIFAR_10))
    archive = published(cifar.CIFAR_10, content)
    asked = []

    def fetched(address, limit):
        asked.append((address, limit))
        return b"<html>" if len(asked) == 1 else content

    monkeypatch.setattr(sources, "fetched", fetched)
    files, source = cifar.obtain(archive, None, True)
    assert files == {archive.file: content}
    assert source == f"the download {archive.addresses[1]}"
    assert asked == [(f"{address}{archive.file}", archive.size_bytes) for address in archive.addresses[:2]]
    assert (nowhere / "cache/cifar-10" / archive.file).read_bytes() == content
    assert cifar.obtain(archive, None, True)[1].endswith("cache/cifar-10")
    (nowhere / "cache/cifar-10" / archive.file).unlink()
    (nowhere / "home/.keras/datasets").mkdir(parents=True)
    (nowhere / "home/.keras/datasets" / archive.elsewhere[-1]).write_bytes(content)
    assert cifar.obtain(archive, None, False)[1].endswith(".keras/datasets")


@BOTH
def test_encrypted_downloads_come_first(archive):
    schemes = [address.partition(":")[0] for address in archive.addresses]
    assert schemes == sorted(schemes, reverse=True)


BATCH = cifar_files.batch(IMAGES[:10], LABELS[:10], "labels")
SHORT = cifar_files.batch(IMAGES[:9], LABELS[:9], "labels")
NARROW = cifar_files.pickled(
    data=cifar_files.array(np.zeros((10, 3071), np.uint8)), labels=cifar_files.numbers([0] * 10)
)
UNKNOWN_CLASS = cifar_files.batch(IMAGES[:10], [10, *LABELS[1:10]], "labels")
FEW_LABELS = cifar_files.batch(IMAGES[:10], LABELS[:9], "labels")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"cos\nsystem\n(S'touch pwned'\ntR.", "data_batch_2 was not read: it asks for os.system"),
        (BATCH[:-1000], "data_batch_2 was not read: it is no whole pickle"),
        (None, "no file data_batch_2 of the expected size"),
        (BATCH + b"x" * 50_000, "no file data_batch_2 of the expected size"),
        (SHORT, "49 train images, expected 50"),
        (NARROW, "data_batch_2 has no array of 3072 bytes"),
        (UNKNOWN_CLASS, "data_batch_2 has no class from 0 to 9"),
        (FEW_LABELS, "data_batch_2 has no class"),
    ],
    ids=["code", "cut", "missing", "large", "short", "narrow", "unknown class", "few labels"],
)
def test_archive_that_is_not_in_the_format_is_refused_though_its_checksum_were_right(
    tmp_path, monkeypatch, content, told
):
    monkeypatch.chdir(tmp_path)
    packed = cifar_files.archive(members(cifar.CIFAR_10, data_batch_2=content))
    with pytest.raises(TrainmarkError, match=told):
        cifar.save_arrays(published(cifar.CIFAR_10, packed), {cifar.CIFAR_10.file: packed}, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_damaged_archive_is_refused(tmp_path):
    packed = cifar_files.archive(members(cifar.CIFAR_10))[:-5000]
    with pytest.raises(TrainmarkError, match="it is damaged"):
        cifar.save_arrays(cifar.CIFAR_10, {cifar.CIFAR_10.file: packed}, tmp_path / "out")


def test_published_checksums_are_those_that_keras_demands():
    keras = importlib.util.find_spec("keras")
    if keras is None:
        pytest.skip("there is no Keras")
    for archive in (cifar.CIFAR_10, cifar.CIFAR_100):
        module = f"src/datasets/{archive.name.replace('-', '')}.py"
        assert archive.sha256 in Path(keras.origin).parent.joinpath(module).read_text()


def test_while_arrays_are_replaced_none_are_taken_for_whole(tmp_path, monkeypatch):
    packed = cifar_files.archive(members(cifar.CIFAR_10))
    data = cifar.data_set(published(cifar.CIFAR_10, packed))
    data.save({cifar.CIFAR_10.file: packed}, tmp_path)
    assert data.is_decoded(tmp_path)

    def stop(array):
        raise OSError("the disk is full")

    monkeypatch.setattr(arrays, "whole", stop)
    with pytest.raises(OSError, match="full"):
        data.save({cifar.CIFAR_10.file: packed}, tmp_path)
    assert not data.is_decoded(tmp_path)
