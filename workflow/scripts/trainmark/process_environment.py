"""The environment variables of every process of ours, made from the caller's by one rule.

A shell, a notebook or a cluster may set variables that decide what is computed, drawn or installed. So nothing is
passed on but what is named here; what was dropped and could have mattered is kept by its name, and goes into the
records. Written for any Python 3.7, without anything but the standard library.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Mapping
from pathlib import Path

# Passed on: who and where the user is, ...
_PASSED = [
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PATH",
    "TMPDIR",
    "TZ",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "XDG_*",
    "KRB5CCNAME",
]
_PASSED += ["TERM", "COLUMNS", "LINES", "NO_COLOR", "CI", "DBUS_SESSION_BUS_ADDRESS"]
# ... who holds the keys by which ssh logs in elsewhere, ...
_PASSED += ["SSH_AUTH_SOCK"]
# ... where the desktop is that can show a page, ...
_PASSED += ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "WSL_INTEROP", "WSL_DISTRO_NAME"]
# ... how the network is reached, ...
_PASSED += ["*_proxy", "*_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
_PASSED += ["UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS_JSON_URL", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS"]
_PASSED += ["UV_HTTP_TIMEOUT", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"]
PIP_NETWORK = (
    "INDEX_URL",
    "EXTRA_INDEX_URL",
    "FIND_LINKS",
    "NO_INDEX",
    "TRUSTED_HOST",
    "KEYRING_PROVIDER",
    "CERT",
    "CLIENT_CERT",
    "USE_FEATURE",
    "PROXY",
    "TIMEOUT",
    "DEFAULT_TIMEOUT",
    "RETRIES",
    "CACHE_DIR",
)
_PASSED += [f"PIP_{option}" for option in PIP_NETWORK]
# ... what conda needs to make and activate environments, what a cluster says of the job, and which GPUs it may use.
_PASSED += ["CONDA_*", "_CONDA_*", "_CE_*", "CONDARC", "MAMBA_*", "MAMBARC"]
_PASSED += ["SLURM_*", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"]
# ... and which tests are wanted that take long.
_PASSED += ["TRAINMARK_TESTS"]
# Our own: names of what was dropped, separated by commas.
DROPPED = "TRAINMARK_DROPPED"
# Variables that can change a measurement, a figure or an installation.
_MATTERS = [
    "TF_*",
    "TORCH_*",
    "PYTORCH_*",
    "JAX_*",
    "NPROC",
    "KERAS_*",
    "XLA_*",
    "CUDA_*",
    "CUDNN_*",
    "CUBLAS_*",
    "NVIDIA_*",
    "MTL_*",
    "METAL_*",
]
_MATTERS += ["OMP_*", "GOMP_*", "KMP_*", "MKL_*", "OPENBLAS_*", "GOTO_*", "VECLIB_*", "NUMEXPR_*", "BLIS_*"]
_MATTERS += ["ONEDNN_*", "DNNL_*", "MALLOC_*", "TCMALLOC_*", "GLIBC_TUNABLES", "LD_*", "DYLD_*", "PYTHON*"]
_MATTERS += ["MPL*", "MATPLOTLIB*", "PIP_*", "SNAKEMAKE_*"]
# Settings in the user's home that decide the same are not read: neither file below can exist, so the defaults hold.
_FIXED = {
    "KERAS_HOME": f"{os.devnull}/keras",
    "MATPLOTLIBRC": os.devnull,
    "MPLBACKEND": "agg",
    "PIP_USER": "0",
    "PYTHONNOUSERSITE": "1",
}
# Where Windows' driver lies within WSL2; it is on no path in a shell that was started otherwise than by WSL itself.
_WSL = "/usr/lib/wsl/lib"


def clean(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process of ours.

    Args:
        environment: the caller's; this process's if not given.

    Returns:
        What is passed on of it, and our own settings. Applied twice, it gives the same.
    """
    given = dict(os.environ if environment is None else environment)
    found = {name: value for name, value in given.items() if name in _passed_on}
    folders = _library_folders(given.get("LD_LIBRARY_PATH", ""))
    if Path(_WSL).is_dir():
        folders = list(dict.fromkeys([*folders, _WSL]))
        found["PATH"] = os.pathsep.join(dict.fromkeys([*found.get("PATH", os.defpath).split(os.pathsep), _WSL]))
    if folders:
        found["LD_LIBRARY_PATH"] = os.pathsep.join(folders)
    found[DROPPED] = given[DROPPED] if DROPPED in given else ",".join(_dropped(given, found))
    return {**found, **_FIXED}


def dropped(environment: Mapping[str, str] | None = None) -> list[str]:
    """Names of the variables that were not passed on and could have mattered; arguments as for ``clean``."""
    return [name for name in clean(environment)[DROPPED].split(",") if name]


def _dropped(given: Mapping[str, str], passed: Mapping[str, str]) -> list[str]:
    # A name that holds a comma is nobody's but a shell's own, as bash's exported functions.
    return sorted(n for n, value in given.items() if n in _could_matter and passed.get(n) != value and "," not in n)


class _Names:
    """Names of variables, of which some have an asterisk at one end; sorted once, since each is looked up often."""

    def __init__(self, patterns: list[str]) -> None:
        self._whole = {pattern for pattern in patterns if "*" not in pattern}
        self._beginnings = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))
        self._ends = tuple(pattern[1:] for pattern in patterns if pattern.startswith("*"))

    def __contains__(self, name: str) -> bool:
        return name in self._whole or name.startswith(self._beginnings) or name.endswith(self._ends)


_passed_on, _could_matter = _Names(_PASSED), _Names(_MATTERS)


def _library_folders(path: str) -> list[str]:
    """The folders of LD_LIBRARY_PATH that hold NVIDIA's driver, or the library of this Python."""
    wanted = ["libcuda.so.1", "libnvidia-ml.so.1", sysconfig.get_config_var("INSTSONAME") or ""]
    folders = [folder for folder in path.split(os.pathsep) if folder]
    return [f for f in folders if any(Path(f, name).is_file() for name in wanted if name)]
