"""Computers on this one that a real ssh reaches: each is an sshd in namespaces of its own, as the nodes of tests/slurm.

Every host has its own host name, machine id, name of the processor, boot id, home and /tmp. Its CPUs are all of this
computer's. Everything lies below one folder, and needs root, but no systemd. Debian and Ubuntu: apt-get install
--no-install-recommends openssh-server openssh-client.
"""

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("sshd", "ssh", "ssh-keygen", "unshare")
_PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
_START_SECONDS, _STOP_SECONDS = 20, 10
_DAEMON = """
ListenAddress 127.0.0.1:{port}
HostKey {own}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
"""
_CLIENT = """
Host {name}
  HostName 127.0.0.1
  Port {port}
  HostKeyAlias {name}
  User root
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
"""


def missing() -> str | None:
    """Why there can be no such hosts here, in words; None where there can."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if lacking:
        return f"OpenSSH's server is not installed: no {', '.join(lacking)}"
    return "sshd needs root here" if os.geteuid() else None


@dataclass
class Hosts:
    """The hosts below a folder.

    Attributes:
        folder: of everything.
        seen: folders below /tmp that the hosts see, too; all else there is each host's own.
    """

    folder: Path
    seen: list[Path]
    _daemons: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        """The folder of the ssh that knows the hosts, to be first on PATH."""
        return self.folder / "bin"

    def home(self, name: str) -> Path:
        """The home of the user on a host."""
        return self.folder / name / "home"

    def start(self, *names: str) -> None:
        """Start hosts, and wait until they answer."""
        self.bin.mkdir(parents=True)
        self._make_key(self.folder / "key")
        for name in names:
            self._start(name)
        program = self.bin / "ssh"
        real = shutil.which("ssh", path=_PATH)
        program.write_text(f'#!/bin/sh\nexec {real} -F {self.folder}/config "$@"\n')
        program.chmod(0o755)
        for name in names:
            self._wait_for(name)

    def _make_key(self, path: Path) -> None:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", str(path)]
        subprocess.run(command, check=True)

    def _start(self, name: str) -> None:
        own = self.folder / name
        for inner in ("home", "tmp"):
            (own / inner).mkdir(parents=True)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self._make_key(own / "host_key")
        (own / "sshd_config").write_text(_DAEMON.format(port=port, own=own, folder=self.folder))
        with (self.folder / "config").open("a") as file:
            file.write(_CLIENT.format(name=name, port=port, folder=self.folder))
        with (self.folder / "known_hosts").open("a") as file:
            file.write(f"{name} {(own / 'host_key.pub').read_text()}")
        script = " && ".join(
            [*self._namespace(name), f"exec {shutil.which('sshd', path=_PATH)} -D -e -f {own}/sshd_config"]
        )
        command = ["unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", script]
        with (own / "log").open("wb") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "start_new_session": True}
            self._daemons[name] = subprocess.Popen(command, **options)

    def _namespace(self, name: str) -> list[str]:
        """Commands that make a computer of its own of the process that gives them."""
        own = self.folder / name
        cpuinfo = Path("/proc/cpuinfo").read_text()
        for line in {line for line in cpuinfo.splitlines() if line.startswith("model name")}:
            cpuinfo = cpuinfo.replace(line, f"model name\t: Synthetic {name} Processor")
        accounts = f"root:x:0:0::{self.home(name)}:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        identity = name.encode().hex()
        files = {
            "/etc/machine-id": f"{identity:0>32}\n",
            "/proc/cpuinfo": cpuinfo,
            "/proc/sys/kernel/random/boot_id": f"{identity:0>36}\n",
            "/etc/passwd": accounts,
        }
        commands = [f"hostname {name}", "mount -t tmpfs tmpfs /run", "mkdir /run/sshd"]
        for path, content in files.items():
            (own / Path(path).name).write_text(content)
            commands.append(f"mount --bind {own / Path(path).name} {path}")
        for path in self.seen:
            inner = own / "tmp" / path.relative_to("/tmp")
            commands += [f"mkdir -p {inner}", f"mount --bind {path} {inner}"]
        return [*commands, f"mount --rbind {own}/tmp /tmp"]

    def _wait_for(self, name: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._daemons[name].poll() is None:
            command = [self.bin / "ssh", "-oBatchMode=yes", name, "hostname"]
            result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if result.stdout == f"{name}\n":
                return
            time.sleep(0.1)
        raise AssertionError(f"{name} does not answer: {(self.folder / name / 'log').read_text()}")

    def stop(self, *names: str) -> None:
        """End hosts; all of them, if none is named."""
        for name in names or [*self._daemons]:
            daemon = self._daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
