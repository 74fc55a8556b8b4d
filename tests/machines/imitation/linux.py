"""A Linux machine's number of CPUs, as Python tells it."""

import os


def imitate(machine: dict) -> None:
    """Let this process see as many CPUs as the machine has."""
    count, real = machine["logical_cpus"], os.sched_getaffinity
    os.cpu_count = lambda: count
    os.sched_getaffinity = lambda pid: set(range(count)) if pid == 0 else real(pid)
