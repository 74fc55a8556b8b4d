"""Tests of trainmark.dataset.fashion_mnist: on the real data where their content matters, on small ones elsewhere."""

import contextlib
import functools
import gzip
import hashlib
import math
import tracemalloc
import urllib.error

import numpy as np
import pytest
from trainmark.dataset import fashion_mnist, sources
from trainmark.errors import TrainmarkError
from trainmark.install import debian

from tests.unit.dataset.lying_servers import BOMB, LIARS, dripping, login_page, send, server, silent, truthful

CACHE_FOLDER = fashion_mnist.cache_folder


@pytest.fixture
def small(monkeypatch) -> dict[str, bytes]:
    """Payloads of the same form, 1.6 MB instead of 47, that are taken for the published ones."""
    dice = np.random.default_rng(1)
    shapes = {name: (2000 if shape[0] == 60_000 else 1000, *shape[1:]) for name, shape in fashion_mnist.SHAPES.items()}
    found = {
        name: fashion_mnist.idx_header(shape)
        + dice.integers(0, 256 if shape[1:] else 10, math.prod(shape)).astype("u1").tobytes()
        for name, shape in shapes.items()
    }
    monkeypatch.setattr(fashion_mnist, "SHAPES", shapes)
    digests = {name: hashlib.sha256(payload).hexdigest() for name, payload in found.items()}
    monkeypatch.setattr(fashion_mnist, "PAYLOADS", digests)
    return found


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No source has the data."""
    monkeypatch.setattr(fashion_mnist, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(fashion_mnist, "installed_folders", lambda: [tmp_path / "installed"])

    def refuse(*arguments, **options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(sources.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    return tmp_path


def write_files(folder, payloads, compress=True):
    folder.mkdir(parents=True)
    for name, payload in payloads.items():
        content = gzip.compress(payload, 1) if compress else payload
        (folder / f"{name}{'.gz' if compress else ''}").write_bytes(content)


def test_split_is_the_articles(data_folder, payloads):
    train, validation, test = fashion_mnist.load_split(data_folder, 50_000, 10_000, 10_000)
    assert [len(images) for images, _ in (train, validation, test)] == [50_000, 10_000, 10_000]
    for images, labels in (train, validation, test):
        assert images.shape[1:] == fashion_mnist.IMAGE_SHAPE
        assert images.dtype == np.float32
        assert (images.min(), images.max()) == (0.0, 1.0)
        assert set(labels) == set(range(fashion_mnist.CLASSES))
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
    assert fashion_mnist.is_decoded(data_folder)
    assert not fashion_mnist.is_decoded(tmp_path)
    with pytest.raises(TrainmarkError, match=r"t10k-labels-idx1-ubyte\.npy does not hold the published data"):
        fashion_mnist.load_split(tmp_path, 100, 100, 100)
    broken.unlink()
    assert not fashion_mnist.is_decoded(tmp_path)
    with pytest.raises(TrainmarkError, match=r"Cannot read .*t10k-labels-idx1-ubyte\.npy"):
        fashion_mnist.load_split(tmp_path, 100, 100, 100)


@pytest.mark.parametrize("compress", [True, False])
def test_named_folder_is_used(nowhere, payloads, compress):
    write_files(nowhere / "mine", payloads, compress)
    found, source = fashion_mnist.obtain(str(nowhere / "mine"), allow_download=False)
    assert found == payloads
    assert "mine" in source


def test_nothing_found_names_all_that_was_tried_and_what_to_do(nowhere):
    with pytest.raises(TrainmarkError) as caught:
        fashion_mnist.obtain(None, allow_download=True)
    message = str(caught.value)
    for tried in (nowhere / "cache", nowhere / "installed", *fashion_mnist.ADDRESSES, fashion_mnist.DEBIAN_PACKAGE):
        assert str(tried) in message
    assert "data_folder: /path/to/the/folder" in message
    for name in fashion_mnist.PAYLOADS:
        assert f"{name}.gz" in message


def test_network_is_not_asked_when_it_must_not_be(nowhere):
    with pytest.raises(TrainmarkError, match="data_download: false") as caught:
        fashion_mnist.obtain(None, allow_download=False)
    assert "http" not in str(caught.value).split("Put the four files")[0]


def flip_a_bit(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda payload: gzip.compress(flip_a_bit(payload)),
        lambda payload: gzip.compress(payload)[:-100],
        lambda payload: flip_a_bit(gzip.compress(payload)),
        lambda payload: b"<html>not found</html>",
        lambda payload: b"",
    ],
    ids=["other content", "cut short", "bad checksum", "a web page", "empty"],
)
def test_damaged_file_is_refused_named_and_not_used(nowhere, small, damage, capsys):
    name = "t10k-labels-idx1-ubyte"
    write_files(nowhere / "cache", small)
    (nowhere / "cache" / f"{name}.gz").write_bytes(damage(small[name]))
    with pytest.raises(TrainmarkError, match=rf"REFUSED, not used: .*{name}\.gz"):
        fashion_mnist.obtain(None, allow_download=False)
    write_files(nowhere / "installed", small)
    found, source = fashion_mnist.obtain(None, allow_download=False)
    assert found == small
    assert "installed" in source
    assert f"{name}.gz" in capsys.readouterr().out


@pytest.fixture
def files(small):
    """The files as they lie on a server."""
    return {name: gzip.compress(payload, 1) for name, payload in small.items()}


@pytest.fixture
def network(monkeypatch, tmp_path):
    """No source but the network, which is reached without a proxy."""
    monkeypatch.setattr(fashion_mnist, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(fashion_mnist, "installed_folders", lambda: [])
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "*")
    return monkeypatch


@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.__name__)
def test_download_that_lies_leads_to_the_next(network, small, files, liar):
    if liar is silent:
        network.setattr(sources, "DOWNLOAD_TIMEOUT_SECONDS", 1)
    if liar is dripping:
        network.setattr(sources, "DOWNLOAD_LIMIT_SECONDS", 1)
    with (
        server(functools.partial(liar, files)) as first,
        server(functools.partial(truthful, files)) as second,
    ):
        network.setattr(fashion_mnist, "ADDRESSES", (first, second))
        found, source = fashion_mnist.obtain(None, allow_download=True)
    assert found == small
    assert source == f"the download {second}"


def test_every_download_that_failed_is_named_with_its_reason(network, files):
    network.setattr(sources, "DOWNLOAD_TIMEOUT_SECONDS", 1)
    network.setattr(sources, "DOWNLOAD_LIMIT_SECONDS", 1)
    with contextlib.ExitStack() as running:
        addresses = {liar: running.enter_context(server(functools.partial(liar, files))) for liar in LIARS}
        network.setattr(fashion_mnist, "ADDRESSES", tuple(addresses.values()))
        with pytest.raises(TrainmarkError) as caught:
            fashion_mnist.obtain(None, allow_download=True)
    lines = str(caught.value).splitlines()
    for liar, address in addresses.items():
        (line,) = (line for line in lines if line.startswith(f"  - the download {address}: "))
        assert len(line) > len(f"  - the download {address}: ") + 10, liar
    assert "IncompleteRead" in str(caught.value)
    assert "holds more than the" in str(caught.value)
    assert "HTTP Error 404: Not Found" in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:1", "http://127.0.0.1:port", "http://[half", "nonsense", "http://liar"]
)
def test_bad_proxy_leads_to_what_needs_none(network, small, files, proxy):
    with (
        server(functools.partial(login_page, files)) as liar,
        server(functools.partial(truthful, files)) as second,
    ):
        network.setattr(fashion_mnist, "ADDRESSES", ("http://example.invalid/", "https://example.invalid/", second))
        for name in ("http_proxy", "https_proxy"):
            network.setenv(name, proxy.replace("http://liar", liar))
        network.setenv("no_proxy", "127.0.0.1")
        found, source = fashion_mnist.obtain(None, allow_download=True)
    assert found == small
    assert source == f"the download {second}"


def test_server_without_tls_is_left_for_the_next(network, small, files):
    with server(functools.partial(truthful, files)) as address:
        network.setattr(fashion_mnist, "ADDRESSES", (address.replace("http:", "https:"), address))
        network.setattr(sources, "DOWNLOAD_TIMEOUT_SECONDS", 1)  # it waits for a greeting of ours, and we for its
        assert fashion_mnist.obtain(None, allow_download=True)[0] == small


def test_encrypted_downloads_come_first():
    schemes = [address.partition(":")[0] for address in fashion_mnist.ADDRESSES]
    assert schemes == sorted(schemes, reverse=True)


@pytest.mark.parametrize("where", ["folder", "download"])
def test_small_file_that_holds_very_much_takes_no_memory(network, small, tmp_path, where):
    told = f"holds more than the {len(small['train-images-idx3-ubyte']):,} bytes"
    tracemalloc.start()
    try:
        if where == "folder":
            write_files(tmp_path / "mine", small)
            (tmp_path / "mine" / "train-images-idx3-ubyte.gz").write_bytes(BOMB)
            with pytest.raises(TrainmarkError, match=told):
                fashion_mnist.obtain(str(tmp_path / "mine"), allow_download=False)
        else:
            with server(lambda path, connection: send(connection, BOMB)) as address:
                network.setattr(fashion_mnist, "ADDRESSES", (address,))
                with pytest.raises(TrainmarkError, match=told):
                    fashion_mnist.obtain(None, allow_download=True)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2**25


def test_user_without_a_home_gets_the_data_all_the_same(network, small, files, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    network.setattr(fashion_mnist, "cache_folder", CACHE_FOLDER)
    network.setattr(fashion_mnist.Path, "home", no_home)
    network.delenv("XDG_CACHE_HOME", raising=False)
    network.setattr(fashion_mnist.tempfile, "tempdir", str(tmp_path))
    network.setattr(fashion_mnist, "installed_folders", lambda: [])
    with server(functools.partial(truthful, files)) as address:
        network.setenv("no_proxy", "*")
        network.setattr(fashion_mnist, "ADDRESSES", (address,))
        assert fashion_mnist.obtain(None, allow_download=True)[0] == small


def test_keras_cache_is_found_whatever_keras_home_is_for_our_processes(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", "/dev/null/keras")
    monkeypatch.setattr(fashion_mnist.Path, "home", lambda: tmp_path)
    assert tmp_path / ".keras" / "datasets" / fashion_mnist.NAME in fashion_mnist.installed_folders()


def test_download_is_verified_and_cached(network, small, files):
    asked = []

    def answer(path, connection):
        asked.append(path)
        truthful(files, path, connection)

    with server(functools.partial(login_page, files)) as first, server(answer) as second:
        network.setattr(fashion_mnist, "ADDRESSES", (first, second))
        found, source = fashion_mnist.obtain(None, allow_download=True)
        assert found == small
        assert source == f"the download {second}"
        asked.clear()
        assert fashion_mnist.obtain(None, allow_download=True)[1].endswith("cache")
        assert not asked
