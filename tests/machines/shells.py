"""Shells and notebooks that set what must not count."""

import json
from pathlib import Path

# Set by notebooks, by clusters' modules, by other projects, and by people who try things out. What stands in the place
# of {folder} is a folder whose modules and settings would spoil everything.
HOSTILE = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MATPLOTLIBRC": "{folder}/matplotlibrc",
    "KERAS_BACKEND": "jax",
    "KERAS_HOME": "{folder}/keras",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_FLAGS": "--xla_there_is_no_such_flag",
    "CUDA_LAUNCH_BLOCKING": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_PROC_BIND": "close",
    "NVIDIA_TF32_OVERRIDE": "0",
    "LD_PRELOAD": "{folder}/libhostile.so",
    "PYTHONPATH": "{folder}/modules",
    "PYTHONSAFEPATH": "1",
    "PYTHONSTARTUP": "{folder}/startup.py",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PIP_USER": "1",
    "PIP_CONFIG_FILE": "{folder}/pip.conf",
    "SNAKEMAKE_PROFILE": "no-such-profile",
    "MACHINE": "another-machine",
}
# In the user's home.
SETTINGS = {
    ".keras/keras.json": json.dumps({"image_data_format": "channels_first", "floatx": "float16", "backend": "jax"}),
    ".config/matplotlib/matplotlibrc": "figure.dpi: 7\nsavefig.dpi: 7\ntext.usetex: True\nbackend: Qt5Agg\n",
    ".config/pip/pip.conf": "[install]\nuser = yes\n",
}


def spoil(home: Path) -> dict[str, str]:
    """Fill a home and a folder with what spoils everything; gives the variables."""
    for name, text in SETTINGS.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (home / "matplotlibrc").write_text(SETTINGS[".config/matplotlib/matplotlibrc"])
    (home / "keras").mkdir()
    (home / "keras/keras.json").write_text(SETTINGS[".keras/keras.json"])
    (home / "pip.conf").write_text(SETTINGS[".config/pip/pip.conf"])
    for module in ("tensorflow", "matplotlib", "trainmark", "sitecustomize"):
        path = home / f"modules/{module}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'raise RuntimeError("{module} of the caller\'s PYTHONPATH")\n')
    return {name: value.format(folder=home) for name, value in HOSTILE.items()}


# What Colab sets for its kernel, beside what ipykernel sets.
COLAB = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF2_BEHAVIOR": "1",
    "PYTHONPATH": "/env/python",
    "PYTHONWARNINGS": "ignore:::pip._internal.cli.base_command",
    "PYTHONDONTWRITEBYTECODE": "1",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "LD_LIBRARY_PATH": "/usr/lib64-nvidia",
    "COLAB_GPU": "1",
}


def run_cell(folder: Path, environment: dict[str, str], cell: str) -> tuple[str, int]:
    """What a cell prints in a new kernel, and the exit code of its last ``!`` command."""
    from jupyter_client.manager import start_new_kernel  # of all tests this one alone needs it

    kernel, client = start_new_kernel(kernel_name="python3", env=environment, cwd=str(folder))
    printed = []

    def keep(message: dict) -> None:
        if message["msg_type"] in ("stream", "error"):
            printed.append(message["content"].get("text") or "\n".join(message["content"]["traceback"]))

    try:
        for code in (cell, "print('exit code', _exit_code)"):
            client.execute_interactive(code, output_hook=keep, timeout=300)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    output = "".join(printed)
    return output, int(output.rpartition("exit code ")[2])
