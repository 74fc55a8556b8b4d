"""Computers on this one that a real ssh reaches: each is an sshd in namespaces of its own, with a home of its own.

Everything lies below one folder. Debian and Ubuntu: apt-get install --no-install-recommends openssh-server
openssh-client.
"""

import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests import namespaces

PROGRAMS = ("sshd", "ssh", "ssh-keygen", "unshare")
_START_SECONDS = 20
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
    return namespaces.missing("OpenSSH's server", PROGRAMS)


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
        real = shutil.which("ssh", path=namespaces.PATH)
        program.write_text(f'#!/bin/sh\nexec {real} -F {self.folder}/config "$@"\n')
        program.chmod(0o755)
        for name in names:
            self._wait_for(name)

    def _make_key(self, path: Path) -> None:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", str(path)]
        subprocess.run(command, check=True)

    def _start(self, name: str) -> None:
        own = self.folder / name
        self.home(name).mkdir(parents=True)
        port = namespaces.free_port()
        self._make_key(own / "host_key")
        (own / "sshd_config").write_text(_DAEMON.format(port=port, own=own, folder=self.folder))
        with (self.folder / "config").open("a") as file:
            file.write(_CLIENT.format(name=name, port=port, folder=self.folder))
        with (self.folder / "known_hosts").open("a") as file:
            file.write(f"{name} {(own / 'host_key.pub').read_text()}")
        accounts = f"root:x:0:0::{self.home(name)}:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        sshd = f"exec {shutil.which('sshd', path=namespaces.PATH)} -D -e -f {own}/sshd_config"
        daemon = f"mount -t tmpfs tmpfs /run && mkdir /run/sshd && {sshd}"
        with (own / "log").open("wb") as log:
            self._daemons[name] = namespaces.start(
                name, own, self.seen, daemon, {"/etc/passwd": accounts}, stdout=log, stderr=log
            )

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
        namespaces.stop([self._daemons.pop(name) for name in names or [*self._daemons]])
