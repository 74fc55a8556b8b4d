"""A Mac's kernel and Python, as far as a program meets them."""

import errno
import os
import sys
import time
import types

from .files import REAL, real_open

# What Python has on Linux and not on a Mac.
_NOT_THERE = ["sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setscheduler", "pipe2", "pidfd_open"]
_NOT_THERE += ["posix_fadvise", "posix_fallocate", "copy_file_range", "memfd_create", "eventfd", "getrandom", "splice"]
_NOT_THERE += ["O_PATH", "O_TMPFILE", "O_DIRECT", "setresuid", "getresuid", "setresgid", "getresgid"]
# Clocks that go on while a Mac sleeps, and the one that does not, by XNU's numbers (man clock_gettime there).
_CLOCKS = {"CLOCK_MONOTONIC": 6, "CLOCK_MONOTONIC_RAW": 4, "CLOCK_UPTIME_RAW": 8}
GOING_ON = frozenset({0, 4, 6})
# How long killpg takes to begin: a child that has closed its end of a pipe is a zombie by then.
_KILL_SECONDS = 0.05


def imitate(machine: dict) -> None:
    """Make this process one of a Mac."""
    sys.platform = "darwin"
    identity = os.uname_result(tuple(machine["uname"]))
    os.uname = lambda: identity
    os.cpu_count = lambda: machine["logical_cpus"]
    for name in _NOT_THERE:
        if hasattr(os, name):
            delattr(os, name)
    _set_clocks()
    _set_kill()


def _set_clocks() -> None:
    get, linux = time.clock_gettime, {4: time.CLOCK_BOOTTIME, 6: time.CLOCK_BOOTTIME, 8: time.CLOCK_MONOTONIC}
    for name in [name for name in vars(time) if name.startswith("CLOCK_")]:
        if name not in ("CLOCK_REALTIME", "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID"):
            delattr(time, name)
    for name, number in _CLOCKS.items():
        setattr(time, name, number)
    time.clock_gettime = lambda clock: get(linux.get(clock, clock))


def _set_kill() -> None:
    kill, killpg = os.kill, os.killpg

    def xnu_killpg(group: int, signal: int) -> None:
        """XNU's killpg1 passes zombies over, and where it finds nobody else in the group, says EPERM."""
        time.sleep(_KILL_SECONDS)
        states = _states_of_group(group)
        if states and set(states) == {"Z"}:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        killpg(group, signal)

    os.killpg = xnu_killpg
    os.kill = lambda pid, signal: xnu_killpg(-pid, signal) if pid < -1 else kill(pid, signal)


def _states_of_group(group: int) -> list[str]:
    """The states (proc(5)) of the processes of a group."""
    found = []
    for pid in filter(str.isdigit, REAL["listdir"]("/proc")):
        try:
            with real_open(f"/proc/{pid}/stat") as file:
                state, _, number = file.read().rpartition(") ")[2].split()[:3]
        except OSError:
            continue
        if int(number) == group:
            found.append(state)
    return found


def count_bytes(resource: types.ModuleType) -> None:
    """Let getrusage count the peak of memory in bytes, as a Mac does."""
    usage = resource.getrusage

    def getrusage(who: int) -> object:
        found = list(usage(who))
        found[2] *= 1024
        return resource.struct_rusage(found)

    resource.getrusage = getrusage


def keep_build(sysconfig: types.ModuleType) -> None:
    """Let Python find the settings of its build, whose file is named after the platform that it was built for."""
    name = f"_sysconfigdata_{sys.abiflags}_linux_{getattr(sys.implementation, '_multiarch', '')}"
    sysconfig._get_sysconfigdata_name = lambda: name


def add_mach(ctypes: types.ModuleType) -> None:
    """Give the program's own symbols Mach's host_statistics(HOST_CPU_LOAD_INFO), from what Linux counts."""
    real = ctypes.CDLL

    class Library(real):
        def __getattr__(self, name: str) -> object:
            if self._name is None and name in ("mach_host_self", "host_statistics"):
                return globals()[f"_{name}"]
            return super().__getattr__(name)

    ctypes.CDLL = Library


def _mach_host_self() -> int:
    return 0x1203


def _host_statistics(host: int, flavour: int, ticks: object, count: object) -> int:
    if flavour != 3:
        return 4  # KERN_INVALID_ARGUMENT
    with real_open("/proc/stat") as file:
        user, nice, system, idle, wait, *_ = (int(field) for field in file.readline().split()[1:])
    ticks[0], ticks[1], ticks[2], ticks[3] = user, system, idle + wait, nice
    return 0
