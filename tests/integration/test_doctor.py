"""The doctor as users call it: Snakemake, and a look that is pretended; test_stack_check has a real one."""

import fcntl
import json
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainmark.machine import hardware

from tests.integration.conftest import TINY, Checkout, change

TOPICS = ["machine", "platform", "tf-2.19", "GPU", "tf-2.19 cpu", "cpu energy", "power", "heat", "sleep", "neighbours"]
TOPICS += ["tf-2.19 cpu noise", "data set", "disk", "clock"]


def written(checkout: Checkout) -> tuple[str, dict]:
    """The text and the facts that the doctor has written; nothing else may be there."""
    found = {path.name: path.read_text() for path in (checkout.folder / "results/doctor").iterdir()}
    assert set(found) == {f"{TINY['machine']}.txt", f"{TINY['machine']}.json"}
    return found[f"{TINY['machine']}.txt"], json.loads(found[f"{TINY['machine']}.json"])


@pytest.fixture
def others(finished) -> Iterator[None]:
    """Tests of other checkouts train all the while."""
    with (finished[0].folder.parent / "timing.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.usefixtures("others")
def test_whole_look_at_this_machine(checkout, monkeypatch):
    """With a user, a home and a host whose names must not get out."""
    monkeypatch.setenv("USER", "ann-example")
    before = checkout.records()
    output = checkout.run("doctor", devices=["cpu"])
    topics = [line[2:20].strip() for line in output.splitlines() if line[:2] in ("✓ ", "! ", "✗ ")]
    assert list(dict.fromkeys(topics)) == TOPICS
    assert topics.count("tf-2.19 cpu") == 4  # the device, and three models
    assert "checking tf-2.19 on the CPU" in output
    assert "results/doctor/test-checkout.txt" in output
    assert checkout.records() == before
    text, data = written(checkout)
    assert [finding["topic"] for finding in data["findings"]] == topics
    for finding in data["findings"]:
        assert finding["verdict"] == "good" or finding["advice"], finding
    (stack,) = data["facts"]["stacks"]
    assert stack["devices"]["cpu"]["status"] == "ok"
    assert min(stack["devices"]["cpu"]["load"]["seconds"]) > 0.1
    assert data["facts"]["machine"]["chip"] == hardware.chip()
    for secret in ("ann-example", str(checkout.folder), str(Path.home()), os.environ.get("TMPDIR") or "ann-example"):
        assert secret not in text + json.dumps(data), secret
    host = platform.node()
    assert not re.search(rf"(?<!\w){re.escape(host)}(?!\w)", text + json.dumps(data)) or len(host) < 3
    assert "machine_id_hash" not in json.dumps(data)
    assert "Nothing to be done" in checkout.run()


def test_machine_is_looked_at_anew_at_every_call(checkout):
    for _ in range(2):
        assert "checking tf-2.19 on the CPU" in checkout.run("doctor", devices=["cpu"])


def test_other_benchmark_is_left_in_peace(checkout):
    lock = checkout.folder / "lock"
    change(checkout.folder, "measure/worker_process", "MACHINE_LOCK = ", f"MACHINE_LOCK = Path({str(lock)!r})  # not ")
    lock.write_text(f"process 1 in {checkout.folder}/elsewhere")
    with lock.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        output = checkout.run("doctor", devices=["cpu"])
    assert "trainmark: checking" not in output
    assert re.search(r"^! tf-2.19 ", output, re.MULTILINE)
    text = written(checkout)[0]
    assert "another benchmark" in text
    assert str(checkout.folder) not in text


def test_what_is_wrong_fails_without_noise_above_it(checkout):
    damaged = checkout.folder / "results/data/t10k-labels-idx1-ubyte.npy"
    damaged.unlink()  # it may be linked to another checkout's
    damaged.write_bytes(b"damaged")
    output = checkout.run("doctor", code=1, stacks=["tf-2.12"])
    assert "trainmark: checking" not in output
    before, after = re.split(r"\d+ good, \d+ warnings?, 2 wrong", output)
    assert re.search(r"^✗ tf-2.12 .*tf-2.12 are to be made", before, re.MULTILINE)
    assert re.search(r"^✗ data set .*does not hold the published data", before, re.MULTILINE)
    assert "rm -r results/data" in before
    for noise in ("Traceback", "Error", "Exception", "Exiting"):
        assert noise not in before
    assert "CalledProcessError" not in after
    assert "2 wrong" in written(checkout)[0]


def test_package_of_another_version_than_the_lock(checkout):
    lock = checkout.folder / f"envs/tf-2.19.{hardware.platform_tag()}.yaml"
    lock.write_text(re.sub(r"keras==\S+", "keras==3.0.0", lock.read_text()))
    output = checkout.run("doctor", code=1)
    assert re.search(r"^✗ tf-2.19 ", output, re.MULTILINE)
    assert "keras: pinned 3.0.0, found 3" in output
    assert "trainmark: checking" not in output


def test_dry_run_does_nothing(checkout):
    output = checkout.run("doctor", "-n")
    assert "trainmark: checking" not in output
    assert not (checkout.folder / "results/doctor").exists()
