"""What is run on each imitated machine; a test names the machine that it is about with the mark ``machine``.

Trainings are pretended where a test is about no more than what is around them. Of each kind of GPU one trains.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.conftest import TINY, Checkout, change
from tests.machines import boxes, macs, shells
from tests.machines.imitation import start

# Enough for a fit of seconds, of which energy is quoted: shorter ones have none.
LONG_ENOUGH = {"train_samples": 20_000, "epochs": 2, "batch_sizes": [32]}
# All of the grid with as few samples as every cell learns from, for a look by hand; takes minutes a machine.
WHOLE_GRID = {"models": ["mlp", "cnn", "lstm"], "batch_sizes": [32, 128, 512, 1024]}
WHOLE_GRID |= {"train_samples": 20_000, "epochs": 2, "time_limit_seconds": 600}


def settings(config: dict) -> dict:
    """The configuration of a run: one small cell per device, or the whole grid where TRAINMARK_TESTS=whole."""
    whole = WHOLE_GRID if os.environ.get("TRAINMARK_TESTS") == "whole" else {}
    return {"machine": "auto", "batch_sizes": [64], "idle_seconds": 1, **config, **whole}


@dataclass
class Machine:
    """An imitated machine, and a checkout of the project on it, in whose .venv its Python is.

    ``outputs`` are what its runs printed. Once it is told to ``pretend``, nothing takes TensorFlow.
    """

    checkout: Checkout
    pretend: Callable[[], None]
    outputs: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Of the checkout."""
        return self.checkout.folder

    @property
    def output(self) -> str:
        """What the last run printed."""
        return self.outputs[-1]

    @property
    def planned(self) -> int:
        """How many trainings the last run announced; of the grid, however large it is."""
        return int(re.search(r"(\d+) runs? to do", self.output)[1])

    def run(self, *arguments: str, code: int = 0, **config: object) -> "Machine":
        """Run the workflow; demand an exit code."""
        self.outputs.append(self.checkout.run(*arguments, code=code, **settings(config)))
        return self

    def make(self, target: str, **config: object) -> "Machine":
        """The same by make, as in a shell in the checkout."""
        self.prepare_make(**config)
        command, environment = ["make", target], self.checkout.environment
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=1200)
        self.outputs.append(result.stdout + result.stderr)
        assert result.returncode == 0, self.output
        return self

    def doctor(self, code: int = 0, **config: object) -> "Machine":
        """Have the doctor look at it."""
        return self.run("doctor", code=code, **config)

    def hurry(self) -> "Machine":
        """Let the doctor's loads take a tenth of the time."""
        change(self.folder, "measure/worker/device_check", "LOAD_SECONDS = 2.0", "LOAD_SECONDS = 0.2")
        return self

    def finding(self, topic: str) -> dict:
        """What the doctor has written of a topic; of several, the first that is not good."""
        (path,) = self.folder.glob("results/doctor/*.json")
        found = [each for each in json.loads(path.read_text())["findings"] if each["topic"] == topic]
        return next((each for each in found if each["verdict"] != "good"), found[0])

    def prepare_make(self, **config: object) -> None:
        """Let make take the environment for installed, and "make run" have this configuration."""
        (self.folder / "config/quick.yaml").write_text(json.dumps({**TINY, **settings(config)}))
        (self.folder / ".venv/installed").touch()

    def records(self, device: str) -> list[dict]:
        """Its records of a device, by path."""
        paths = sorted(self.folder.glob(f"results/machines/*/runs/*/{device}/*/*/*.json"))
        return [json.loads(path.read_text()) for path in paths]

    def record(self, device: str) -> dict:
        """The first of its records of a device."""
        return self.records(device)[0]

    def description(self) -> dict:
        """Its machine.json."""
        (path,) = self.folder.glob("results/machines/*/machine.json")
        return json.loads(path.read_text())

    def calls(self, tool: str) -> list[list[str]]:
        """The arguments of every call of a tool of the system."""
        path = self.folder / ".venv" / start.CALLS
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [arguments for name, *arguments in calls if name == tool]

    def page(self) -> str:
        """The report."""
        return (self.folder / "results/report/index.html").read_text()


# Makes a machine of a description; ``variables`` are its user's shell's.
Imitate = Callable[..., Machine]


def m2_max(imitate: Imitate) -> Machine:
    """Both devices."""
    return imitate(macs.m2_max()).run("measure", **LONG_ENOUGH)


def m3_ultra(imitate: Imitate) -> Machine:
    """The GPU."""
    return imitate(macs.m3_ultra(), pretends=True).run("measure", devices=["gpu"])


def m5_max(imitate: Imitate) -> Machine:
    """The GPU, and its sweep of matrix products."""
    return imitate(macs.m5_max(), pretends=True).run("measure", devices=["gpu"], roofline=True)


def m6(imitate: Imitate) -> Machine:
    """What it is."""
    return imitate(macs.m6()).run("results/machines/apple-m6-12-core-gpu/machine.json")


def rosetta(imitate: Imitate) -> Machine:
    """Refused."""
    return imitate(macs.rosetta()).run(code=1)


def mac_vm(imitate: Imitate) -> Machine:
    """What is timed without a word, and then the GPU, which is asked for."""
    return imitate(macs.mac_vm(), pretends=True).run("measure").run("measure", devices=["gpu"])


def t4(imitate: Imitate) -> Machine:
    """The GPU, and then the CPU, whose training is pretended."""
    machine = imitate(boxes.t4()).run("measure", devices=["gpu"], **LONG_ENOUGH)
    machine.pretend()
    return machine.run("measure", **LONG_ENOUGH)


def v100_beside_t4(imitate: Imitate) -> Machine:
    """The GPU that the user lets programs see, the second of the bus and the first for CUDA."""
    return imitate(boxes.t4_and_v100(CUDA_VISIBLE_DEVICES="1"), pretends=True).run("measure", devices=["gpu"])


def t4_beside_v100(imitate: Imitate) -> Machine:
    """The same number, where the two are plugged in the other way round."""
    description = boxes.t4_and_v100(swapped=True, CUDA_VISIBLE_DEVICES="1")
    return imitate(description, pretends=True).run("measure", devices=["gpu"])


def p100(imitate: Imitate) -> Machine:
    """The GPU."""
    return imitate(boxes.p100(), pretends=True).run("measure", devices=["gpu"], **LONG_ENOUGH)


def part_of_an_a100(imitate: Imitate) -> Machine:
    """The GPU."""
    return imitate(boxes.a100_with_mig(), pretends=True).run("measure", devices=["gpu"])


def h100_of_eight(imitate: Imitate) -> Machine:
    """The GPU, for which the driver has something to compile."""
    return imitate(boxes.h100s_under_slurm(), pretends=True).run("measure", devices=["gpu"])


def h100_with_an_old_driver(imitate: Imitate) -> Machine:
    """Refused."""
    return imitate(boxes.h100s_under_slurm(driver="535.104.05")).run(code=1, devices=["gpu"])


def p100_with_an_old_driver(imitate: Imitate) -> Machine:
    """Refused."""
    return imitate(boxes.p100(driver="470.182.03")).run(code=1, devices=["gpu"])


def wsl2(imitate: Imitate) -> Machine:
    """The GPU."""
    return imitate(boxes.wsl2(), pretends=True).run("measure", devices=["gpu"])


def laptop(imitate: Imitate) -> Machine:
    """The CPU."""
    return imitate(boxes.laptop(), pretends=True).run("measure", **LONG_ENOUGH)


def calm(imitate: Imitate) -> Machine:
    """To the report, from a clean shell; what is pretended to be computed, was computed in one, too."""
    return imitate(boxes.plain(), pretends=True).make("run")


def hostile(imitate: Imitate) -> Machine:
    """To the report, from a hostile shell, with a home of its own."""
    machine = imitate(boxes.plain())
    home = machine.folder.parent / "home"
    machine.checkout.environment.update({**shells.spoil(home), "HOME": str(home)})
    return machine.make("run")


def notebook(imitate: Imitate) -> Machine:
    """To the report, from a cell of a notebook on Colab."""
    machine = imitate(boxes.t4(), pretends=True)
    machine.prepare_make(devices=["gpu"])
    variables = {**machine.checkout.environment, **shells.COLAB}
    output, code = shells.run_cell(machine.folder, variables, "!make run")
    assert code == 0, output
    machine.outputs.append(output)
    return machine


def looked_at(imitate: Imitate) -> Machine:
    """By the doctor, by make, from a clean shell."""
    return imitate(boxes.plain(), pretends=True).make("doctor")


def looked_at_m5_max(imitate: Imitate) -> Machine:
    """By the doctor, the GPU."""
    return imitate(macs.m5_max()).hurry().doctor(devices=["gpu"])


def looked_at_m3_ultra(imitate: Imitate) -> Machine:
    """By the doctor, the CPU."""
    return imitate(macs.m3_ultra(), pretends=True).doctor(devices=["cpu"])


def looked_at_rosetta(imitate: Imitate) -> Machine:
    """By the doctor, which finds it wrong."""
    return imitate(macs.rosetta()).doctor(code=1)


def looked_at_mac_vm(imitate: Imitate) -> Machine:
    """By the doctor, what is timed without a word."""
    return imitate(macs.mac_vm(), pretends=True).doctor()


def looked_at_part_of_an_a100(imitate: Imitate) -> Machine:
    """By the doctor, the GPU."""
    return imitate(boxes.a100_with_mig(), pretends=True).doctor(devices=["gpu"])


def looked_at_h100_of_eight(imitate: Imitate) -> Machine:
    """By the doctor, both devices."""
    return imitate(boxes.h100s_under_slurm(), pretends=True).doctor()


def looked_at_p100_with_an_old_driver(imitate: Imitate) -> Machine:
    """By the doctor, which finds it wrong."""
    return imitate(boxes.p100(driver="470.182.03")).doctor(code=1, devices=["gpu"])


def looked_at_laptop(imitate: Imitate) -> Machine:
    """By the doctor, the CPU."""
    return imitate(boxes.laptop(), pretends=True).doctor()
