"""Tests of trainmark.dataset.inert_pickle: pickles of plain values are read, and nothing that a pickle says is done."""

import pickle
import sys

import numpy as np
import pytest
from trainmark.dataset import inert_pickle
from trainmark.dataset.inert_pickle import Bytes, NotPlainError

from tests import cifar_files

VALUES = np.arange(6, dtype=np.uint8).reshape(2, 3)


def test_plain_values_and_arrays_are_read_as_python_2_wrote_them():
    entries = {
        "data": cifar_files.array(VALUES),
        "labels": cifar_files.numbers([3, 1]),
        "name": cifar_files.text(b"x" * 300),
    }
    found = inert_pickle.load(cifar_files.pickled(**entries))
    assert found == {b"data": Bytes(VALUES.tobytes(), (2, 3)), b"labels": [3, 1], b"name": b"x" * 300}


def test_the_files_of_the_tests_are_what_pythons_own_reader_takes_for_the_same():
    content = cifar_files.pickled(data=cifar_files.array(VALUES), labels=cifar_files.numbers([3, 1]))
    found = pickle.loads(content, encoding="bytes")
    assert (found[b"data"] == VALUES).all()
    assert found[b"data"].dtype == np.uint8
    assert found[b"labels"] == [3, 1]


class Runs:
    """Runs code where it is unpickled."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def _trap(*arguments):
    sys.modules[__name__].sprung = True


sprung = False
EXEC = b"\x80\x02}(U\x04datac__builtin__\nexec\nU\x1eimport os; os.system('touch x')\x85Ru."
REBUILT = b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\n}U\x08__call__NsbU\x01aNu."
HOSTILE = {
    "a function of a module": pickle.dumps({"data": Runs(_trap, 1)}, protocol=2),
    "a function of Python": EXEC,
    "another function of numpy": b"\x80\x02}(U\x04datacnumpy\nload\nU\x01x\x85Ru.",
    "numpy's array called by itself": b"\x80\x02}(U\x04datacnumpy\nndarray\nK\x05\x85\x85Ru.",
    "an object of a class": b"\x80\x02}(U\x04datacnumpy\nndarray\nK\x05\x85\x81u.",
    "a stand-in that is changed": REBUILT,
    "a persistent id": b"\x80\x02}(U\x04dataPx\nu.",
    "an extension": b"\x80\x02}(U\x04data\x82\x01u.",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_pickle_that_would_run_code_runs_none(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotPlainError):
        inert_pickle.load(content)
    assert not sprung
    assert not list(tmp_path.iterdir())


def test_the_trap_would_be_sprung_by_pythons_own_reader():
    pickle.loads(HOSTILE["a function of a module"])
    global sprung
    assert sprung
    sprung = False


GOOD = cifar_files.pickled(data=cifar_files.array(VALUES))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        GOOD[:-40],
        b"\x80\x02](e.",
        cifar_files.pickled(data=cifar_files.array(VALUES, b"f8")),
        GOOD.replace(b"J\x02\x00\x00\x00", b"J\x03\x00\x00\x00"),
        GOOD.replace(b"\x86cnumpy\ndtype", b"\x86K\x00cnumpy\ndtype"),
    ],
    ids=["empty", "a web page", "cut short", "a list", "other numbers", "a false shape", "a false state"],
)
def test_what_is_no_such_dictionary_is_refused(content):
    assert inert_pickle.load(GOOD)
    with pytest.raises(NotPlainError):
        inert_pickle.load(content)
