"""The same optimizer on every platform: by the operations of the observed step, since class names tell too little.

Keras 2.12 puts its legacy Adam in the place of the new one on Macs with Apple Silicon, by what Python's ``platform``
says: an imitated Mac takes that branch. That of the stack that is installed is in test_together.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainmark.experiment import workloads

from tests.conftest import CONFIG, ROOT
from tests.machines import boxes, environments, macs

# Takes a step of a model, and prints what was executed. The optimizer is chosen when a model is compiled, of any kind.
STEP = """
import json, sys
sys.path.insert(0, sys.argv[1])
from trainmark.measure.worker import device_proof, frameworks
device, framework = sys.argv[2], frameworks.of("tf")
framework.load(device, 2)
framework.configure(device, 2)
print(json.dumps(device_proof.prove_step(framework, json.load(sys.stdin), 64, device)))
"""


def execution(python: Path, device: str) -> dict:
    """What a step executed on a machine."""
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(python.parents[1])}
    command = [python, "-c", STEP, str(ROOT / "workflow/scripts"), device]
    wanted = json.dumps(workloads.describe("mlp", CONFIG))
    result = subprocess.run(command, input=wanted, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_optimizer_of_a_mac_is_that_of_linux(article_python, tmp_path):
    options = {"stack": "tf-2.12", "python": article_python}
    linux = environments.build(tmp_path / "linux", boxes.plain(), **options)
    mac = environments.build(tmp_path / "mac", macs.m2_max(), **options)
    with ThreadPoolExecutor() as pool:
        on_linux = pool.submit(execution, linux, "cpu")
        found = execution(mac, "gpu")
        expected = on_linux.result()
    assert found["variable_devices"] == ["GPU:0"]
    assert found["optimizer_class"] == expected["optimizer_class"]
    assert expected["optimizer_operations"]
    assert found["optimizer_operations"] == expected["optimizer_operations"]
