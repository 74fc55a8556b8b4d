"""A real SLURM on this computer: its daemons, each node's in namespaces of its own.

Everything lies below one folder. Debian and Ubuntu: apt-get install --no-install-recommends slurmctld slurmd
slurm-client munge.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tests import namespaces

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr")
# Each node in a partition of its own, and one partition that gives its node to several jobs at once.
NODES = {"a1": "cpu-a", "b1": "cpu-b"}
SHARED = "shared-a"
START_SECONDS = 20
_CONFIGURATION = """
ClusterName=imitated
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=6
KillWait=2
MinJobAge=3600
JobRequeue=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
"""


def missing() -> str | None:
    """Why there can be no SLURM here, in words; None where there can."""
    return namespaces.missing("SLURM", PROGRAMS)


@dataclass
class Cluster:
    """The daemons below a folder.

    Attributes:
        folder: of everything.
        seen: folders below /tmp that the nodes see, too; all else there is each node's own.
    """

    folder: Path
    seen: list[Path]
    _daemons: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        """The folder of SLURM's commands, to be first on PATH: a job step forgets the variable for it."""
        return self.folder / "bin"

    def start(self) -> None:
        """Start everything, and wait until the nodes are idle."""
        for name in ("run", "state", "log", "spool", "bin", "nodes"):
            (self.folder / name).mkdir(parents=True)
        for folder in (self.folder, self.folder / "run"):
            folder.chmod(0o755)  # munge refuses a folder that others may write to
        self._configure()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        munge = {
            "key-file": key,
            "socket": "run/munge.socket",
            "pid-file": "run/munged.pid",
            "log-file": "log/munged.log",
        }
        options = [f"--{name}={self.folder / path}" for name, path in {**munge, "seed-file": "munge.seed"}.items()]
        self._start("munged", "munged", "--foreground", "--force", "--num-threads=2", *options)
        self._start("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self.start_node(node)
        self._wait_for("idle", list(NODES))

    def _configure(self) -> None:
        port = namespaces.free_port()
        lines = [_CONFIGURATION.format(host=socket.gethostname(), folder=self.folder, port=port)]
        cpus = len(os.sched_getaffinity(0))
        for number, (node, partition) in enumerate(NODES.items(), 1):
            address = f"NodeHostname={node} NodeAddr=127.0.0.1 Port={port + number}"
            lines.append(f"NodeName={node} {address} CPUs={cpus} RealMemory=3000\n")
            lines.append(f"PartitionName={partition} Nodes={node} MaxTime=INFINITE State=UP\n")
        first = next(iter(NODES))
        lines.append(f"PartitionName={SHARED} Nodes={first} OverSubscribe=FORCE:2 MaxTime=INFINITE State=UP\n")
        path = self.folder / "slurm.conf"
        path.write_text("".join(lines))
        for name in CLIENTS:
            program = shutil.which(name)
            if program:
                script = self.bin / name
                script.write_text(f'#!/bin/sh\nexport SLURM_CONF={path}\nexec {program} "$@"\n')
                script.chmod(0o755)

    def start_node(self, node: str) -> None:
        """Start a node, also one that was killed."""
        with self._log(node) as log:
            self._daemons[node] = namespaces.start(
                node, self.folder / "nodes" / node, self.seen, f"exec slurmd -D -N {node}", **self._options(log)
            )

    def kill_node(self, node: str) -> None:
        """Let a node die with all that runs on it, as by a power cut."""
        daemon = self._daemons.pop(node)
        where = Path(f"/proc/{daemon.pid}/ns/mnt").readlink()
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (path / "ns/mnt").readlink() == where and int(path.name) != daemon.pid:
                    os.kill(int(path.name), signal.SIGKILL)
        daemon.kill()
        daemon.wait()

    def ask(self, command: str, *arguments: str) -> str:
        """What one of SLURM's commands answers."""
        result = subprocess.run([self.bin / command, *arguments], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def jobs(self) -> list[str]:
        """Number, state, comment and node of every job that is not finished."""
        return self.ask("squeue", "--noheader", "--format=%i %T %k %N").splitlines()

    def numbers(self) -> list[str]:
        """Number of every job that is not finished."""
        return [job.split()[0] for job in self.jobs()]

    def stop(self) -> None:
        """End everything that this has started."""
        namespaces.stop([*self._daemons.values()][::-1])
        self._daemons.clear()

    def _start(self, name: str, *command: str) -> None:
        with self._log(name) as log:
            self._daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, start_new_session=True, **self._options(log)
            )

    def _log(self, name: str) -> BinaryIO:
        return (self.folder / "log" / f"{name}.out").open("ab")

    def _options(self, log: BinaryIO) -> dict[str, Any]:
        environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": namespaces.PATH}
        return {"stdout": log, "stderr": log, "env": environment}

    def _wait_for(self, state: str, nodes: list[str]) -> None:
        deadline = time.monotonic() + START_SECONDS
        said = ""
        while time.monotonic() < deadline:
            ended = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            if ended:
                break
            asked = [self.bin / "sinfo", "--noheader", "--Node", "--format=%T", "--nodes", ",".join(nodes)]
            result = subprocess.run(asked, capture_output=True, text=True)
            said = result.stdout + result.stderr
            if result.returncode == 0 and {*result.stdout.split()} == {state}:
                return
            time.sleep(0.1)
        logs = [f"{path}:\n{path.read_text(errors='replace')[-1000:]}" for path in (self.folder / "log").iterdir()]
        raise AssertionError(f"nodes are not {state}: {said}\n" + "\n".join(logs))
