"""The same optimizer on every platform: by the operations of the observed step, since class names tell too little.

Keras 2.12 puts its legacy Adam in the place of the new one on Macs with Apple Silicon, by what Python's ``platform``
says: an imitated Mac takes that branch.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from trainmark.experiment import workloads

from tests.conftest import CONFIG, ROOT
from tests.machines import boxes, environments, macs

SMALL = {"train_samples": 400, "validation_samples": 100, "test_samples": 200, "epochs": 1}
# Trains what stdin says, one model after the other, and prints what each executed.
TRAIN = """
import json, sys
sys.path.insert(0, sys.argv[1])
from trainmark.measure.worker import training
found = {}
for model, request in json.load(sys.stdin).items():
    answer = training.train(request)
    assert answer["status"] == "ok", answer["reason"]
    found[model] = {**answer["execution"], "tensorflow": answer["versions"]["tensorflow"]}
print(json.dumps(found))
"""


def execution(python: Path, lock: str, data_folder: Path, device: str) -> dict[str, dict]:
    """What the training of each model executed on a machine."""
    requests = {
        model: {
            "workload": workloads.describe(model, {**CONFIG, **SMALL}),
            "device": device,
            "batch_size": 64,
            "seed": 1,
            "threads": 2,
            "control": None,
            "cpus": None,
            "data_folder": str(data_folder),
            "lock_file": str(ROOT / "envs" / lock),
        }
        for model in workloads.MODELS
    }
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(python.parents[1])}
    command = [python, "-c", TRAIN, str(ROOT / "workflow/scripts")]
    result = subprocess.run(command, input=json.dumps(requests), env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("stack", ["tf-2.12", "tf-2.19"])
def test_optimizer_of_a_mac_is_that_of_linux(request, stack, tmp_path, data_folder):
    options = {"stack": stack}
    if stack == "tf-2.12":
        options["python"] = request.getfixturevalue("article_python")
    linux = environments.build(tmp_path / "linux", boxes.plain(), **options)
    mac = environments.build(tmp_path / "mac", macs.m2_max(), **options)
    with ThreadPoolExecutor() as pool:
        on_linux = pool.submit(execution, linux, f"{stack}.linux-64.yaml", data_folder, "cpu")
        found = execution(mac, f"{stack}.osx-arm64.yaml", data_folder, "gpu")
        expected = on_linux.result()
    for model in workloads.MODELS:
        assert found[model]["variable_devices"] == ["GPU:0"]
        assert found[model]["optimizer_class"] == expected[model]["optimizer_class"]
        assert expected[model]["optimizer_operations"]
        assert found[model]["optimizer_operations"] == expected[model]["optimizer_operations"]
