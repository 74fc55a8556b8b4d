"""Measure a machine on which frameworks are installed and nothing can be fetched: a GPU that is lent for minutes.

    python tests/prepared_machine.py fetch                    # here: wheels and data set, 60 MB, into prepared/
    python tests/prepared_machine.py run OUTPUT [SECONDS]     # there: all of it, in one command; again to go on

``run`` makes a virtual environment that sees the machine's packages, and gives the commands of a user, the most
telling first: the doctor, the quick grid and its controls, the article's grid. When the time is over it stops the one
that runs, as Ctrl-C does, and packs what is finished into OUTPUT. The records are of stacks that no lock pins.
"""

import gzip
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CARRIED = ROOT / "prepared"
WHEELS, DATA, VENV = CARRIED / "wheels", CARRIED / "data", CARRIED / "venv"
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from trainmark.dataset import fashion_mnist
from trainmark.install.lockfile import pins

ENVS = ROOT / "envs"
# What such a machine lacks beside the workflow's own packages, as far as is known.
LACKED = {"keras", "namex", "optree", "nvidia-ml-py", "pygments"}
# Of the report's packages, those with which records are read and packed; the report is drawn elsewhere.
NEEDED = {"msgspec", "pyyaml"}
# There.
PYTHON, PLATFORMS = "3.12", ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
SECONDS, PACKING_SECONDS = 560, 20
SNAKEMAKE = ["-m", "snakemake", "--cores", "1"]
QUICK = ["--configfile", "config/quick.yaml"]
CONFIG = ["--config", "stacks=[installed]", f"data_folder={DATA}", "data_download=false"]
COMMANDS = (
    [*SNAKEMAKE, "doctor", *QUICK, *CONFIG],
    [*SNAKEMAKE, "measure", *QUICK, *CONFIG, "devices=[gpu]"],
    [*SNAKEMAKE, "measure", *QUICK, *CONFIG, "devices=[gpu]", "controls=[device-data,threads-2]"],
    [*SNAKEMAKE, "measure", *CONFIG, "devices=[gpu]"],
    [*SNAKEMAKE, "measure", *QUICK, *CONFIG, "devices=[cpu]"],
)


def wanted() -> list[str]:
    """The pinned packages that are carried: the workflow's, less what a framework and the report bring."""
    host, stack, report = (
        pins((ENVS / name).read_text())
        for name in ("torch-2.11.linux-64-cuda.host.txt", "torch-2.11.linux-64-cuda.yaml", "report.yaml")
    )
    names = (host.keys() - stack.keys() - report.keys()) | LACKED | NEEDED
    return [f"{name}=={(host | stack)[name].version}" for name in sorted(names)]


def fetch() -> None:
    """Bring everything that ``run`` needs here."""
    DATA.mkdir(parents=True, exist_ok=True)
    for name, content in fashion_mnist.obtain(None, allow_download=True)[0].items():
        (DATA / f"{name}.gz").write_bytes(gzip.compress(content))
    pip = [sys.executable, "-m", "pip"]
    source = [each for each in wanted() if each.startswith("connection-pool")]  # a few lines of Python, without a wheel
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", WHEELS, *source], check=True)
    there = ["--only-binary=:all:", "--python-version", PYTHON, *(f"--platform={each}" for each in PLATFORMS)]
    others = [each for each in wanted() if each not in source]
    subprocess.run([*pip, "download", "--quiet", "--no-deps", "--dest", WHEELS, *there, *others], check=True)
    size = sum(path.stat().st_size for path in CARRIED.rglob("*") if path.is_file())
    print(f"{CARRIED}: {size / 2**20:.0f} MB, to be carried to the machine")


def run(output: Path, seconds: float) -> None:
    """Measure as much as there is time for."""
    deadline = time.monotonic() + seconds - PACKING_SECONDS
    python = str(VENV / "bin/python")
    if not VENV.exists():
        subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", VENV], check=True)
        packages = sysconfig.get_paths()["purelib"]  # which are not the system's where this Python is of an environment
        ours = sysconfig.get_paths(vars={"base": str(VENV), "platbase": str(VENV)})["purelib"]
        Path(ours, "machine.pth").write_text(f"{packages}\n")
    install = ["install", "--quiet", "--no-index", "--no-deps", "--find-links", str(WHEELS), *wanted()]
    subprocess.run([python, "-m", "pip", *install], check=True)
    for command in COMMANDS:
        left = deadline - time.monotonic()
        if left < 1:
            break
        print("$", "python", *command, flush=True)
        process = subprocess.Popen([python, *command], cwd=ROOT)
        try:
            process.wait(timeout=left)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait()
    output.mkdir(parents=True, exist_ok=True)
    subprocess.run([python, "workflow/scripts/pack_results.py"], cwd=ROOT, check=True)
    for path in (*ROOT.glob("results/*.tar.gz"), *ROOT.glob("results/doctor/*")):
        shutil.copy2(path, output)
    print(f"{output}: {', '.join(sorted(path.name for path in output.iterdir()))}")


if __name__ == "__main__":
    if sys.argv[1:] == ["fetch"]:
        fetch()
    elif len(sys.argv) in (3, 4) and sys.argv[1] == "run":
        run(Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) == 4 else SECONDS)
    else:
        sys.exit(__doc__)
