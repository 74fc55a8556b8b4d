"""The same optimizer on every platform: by the operations of the observed step, since class names tell too little.

Keras 2.12 puts its legacy Adam in the place of the new one on Macs with Apple Silicon, by what Python's ``platform``
says: an imitated Mac takes that branch.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from trainmark.experiment import suites, workloads

from tests.conftest import CONFIG, ROOT
from tests.machines import boxes, environments, macs

# Takes a step of each model, and prints what was executed.
STEPS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from trainmark.measure.worker import device_proof, frameworks
device, framework = sys.argv[2], frameworks.of("tf")
framework.load(device, 2)
framework.configure(device, 2)
workloads = json.load(sys.stdin)
print(json.dumps({model: device_proof.prove_step(framework, each, 64, device) for model, each in workloads.items()}))
"""


def execution(python: Path, device: str) -> dict[str, dict]:
    """What a step of each model executed on a machine."""
    wanted = {model: workloads.describe(model, CONFIG) for model in suites.of(CONFIG).models}
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(python.parents[1])}
    command = [python, "-c", STEPS, str(ROOT / "workflow/scripts"), device]
    result = subprocess.run(command, input=json.dumps(wanted), env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("stack", ["tf-2.12", "tf-2.19"])
def test_optimizer_of_a_mac_is_that_of_linux(request, stack, tmp_path):
    options = {"stack": stack}
    if stack == "tf-2.12":
        options["python"] = request.getfixturevalue("article_python")
    linux = environments.build(tmp_path / "linux", boxes.plain(), **options)
    mac = environments.build(tmp_path / "mac", macs.m2_max(), **options)
    with ThreadPoolExecutor() as pool:
        on_linux = pool.submit(execution, linux, "cpu")
        found = execution(mac, "gpu")
        expected = on_linux.result()
    for model in suites.of(CONFIG).models:
        assert found[model]["variable_devices"] == ["GPU:0"]
        assert found[model]["optimizer_class"] == expected[model]["optimizer_class"]
        assert expected[model]["optimizer_operations"]
        assert found[model]["optimizer_operations"] == expected[model]["optimizer_operations"]
