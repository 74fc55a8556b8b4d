"""What is imitated: the facts of Linux machines. Where they are from: README.md beside this file."""

import copy

_LINUX_PATHS = ["/proc/driver", "/proc/cpuinfo", "/proc/meminfo", "/proc/version", "/etc/machine-id", "/var/lib/dbus"]
_LINUX_PATHS += ["/etc/os-release", "/sys/class/powercap", "/sys/class/power_supply", "/sys/class/hwmon"]
_LINUX_PATHS += ["/sys/devices/system/cpu", "/sys/firmware", "/sys/module/nvidia", "/dev/nvidia*", "/dev/dxg"]
_LINUX_PATHS += ["/usr/lib/wsl"]


def plain() -> dict:
    """This machine, as it is."""
    return {
        "system": "Linux",
        "platform": "linux-64",
        "paths": [],
        "root_only": [],
        "counting": {},
        "files": {},
        "logical_cpus": None,
        "sleeps_seconds": 0,
        "metal": False,
        "gpus": [],
        "tools": "none",
        "variables": {},
    }


def gpu(name: str, number: int, **changes: object) -> dict:
    """An NVIDIA GPU at the bus address of its number: a T4's figures where none are given."""
    found = {
        "name": name,
        "uuid": f"GPU-{number:08x}-1111-2222-3333-{_digits(name)}",
        "bus_id": f"00000000:00:{number + 4:02X}.0",
        "minor": number,
        "memory_mib": 15360,
        "compute_capability": "7.5",
        "counts_energy": True,
        "watts": 30.0,
        "celsius": 48,
        "megahertz": 1590,
        "throttle": 0,
        "speed": 1.0,
        "mig_capable": False,
        "mig": [],
    }
    return {**found, **changes}


def mig(profile: str, instance: int, memory_mib: int) -> dict:
    """A MIG device of a GPU."""
    uuid = f"MIG-{instance:08x}-4444-5555-6666-{_digits(profile)}"
    return {
        "profile": profile,
        "uuid": uuid,
        "instance": instance,
        "compute_instance": 0,
        "memory_mib": memory_mib,
    }


def _digits(name: str) -> str:
    return name.encode().hex()[-12:].rjust(12, "0")


RAPL_WATTS = 20


def box(
    chip: str,
    gpus: list[dict],
    *,
    driver: str | None = "535.104.05",
    cuda: str = "12.2",
    cpus: int = 4,
    virtualisation: str = "kvm",
    allotted: list[int] | None = None,
    nvml_seconds: float = 0.001,
    rapl: str | None = None,
    supplies: dict[str, dict[str, str]] | None = None,
    variables: dict[str, str] | None = None,
    machine_id: str = "0123456789abcdef0123456789abcdef",
) -> dict:
    """A Linux machine with NVIDIA GPUs.

    Args:
        chip: the processor's model name in /proc/cpuinfo.
        gpus: made by ``gpu``.
        driver: its version; None where it does not work.
        cuda: the release of CUDA that the driver knows.
        cpus: logical ones.
        virtualisation: what systemd-detect-virt says.
        allotted: numbers of the GPUs that a control group lets a process open; None for all.
        nvml_seconds: that each call of NVML takes.
        rapl: "root" for counters that only root may read, "all" for everybody, None for none. They count 20 W.
        supplies: what Linux says of each power supply.
        variables: what the user's shell has set.
        machine_id: the operating system's.
    """
    files = {
        "/etc/machine-id": f"{machine_id}\n",
        "/etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.3 LTS"\nNAME="Ubuntu"\nID=ubuntu\n',
        "/proc/version": "Linux version 6.2.0-1017 (buildd@lcy02) (gcc-11 (Ubuntu)) #19-Ubuntu SMP\n",
        "/proc/meminfo": "MemTotal:       32880096 kB\nMemFree:        20000000 kB\n",
        "/proc/cpuinfo": "".join(_PROCESSOR.format(number=number, chip=chip) for number in range(cpus)),
    }
    for number in range(cpus):
        topology = f"/sys/devices/system/cpu/cpu{number}/topology"
        files |= {f"{topology}/core_id": f"{number // 2}\n", f"{topology}/physical_package_id": "0\n"}
        files[f"{topology}/thread_siblings_list"] = f"{number // 2 * 2}-{number // 2 * 2 + 1}\n"
    files |= _driver_files(gpus, driver) if driver else {}
    zone = "/sys/class/powercap/intel-rapl:0"
    if rapl:
        files |= {f"{zone}/name": "package-0\n", f"{zone}/max_energy_range_uj": "262143328850\n"}
        files[f"{zone}/energy_uj"] = ""
    for name, facts in (supplies or {}).items():
        files |= {f"/sys/class/power_supply/{name}/{fact}": f"{value}\n" for fact, value in facts.items()}
    return {
        "system": "Linux",
        "platform": "linux-64-cuda" if gpus else "linux-64",
        "paths": _LINUX_PATHS,
        "root_only": [f"{zone}/energy_uj"] if rapl == "root" else [],
        "counting": {f"{zone}/energy_uj": RAPL_WATTS * 10**6} if rapl else {},
        "files": files,
        "logical_cpus": cpus,
        "sleeps_seconds": 0,
        "metal": False,
        "gpus": gpus,
        "allotted": allotted,
        "driver": driver,
        "cuda": cuda,
        "nvml_seconds": nvml_seconds,
        "tensorflow_build": {"is_cuda_build": True, "cuda_version": "12.5.1", "cudnn_version": "9"} if gpus else {},
        "detected_virt": virtualisation,
        "tools": "nvidia",
        "variables": variables or {},
    }


_PROCESSOR = """processor\t: {number}
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 79
model name\t: {chip}
cpu MHz\t\t: 2199.998
flags\t\t: fpu sse2 avx avx2 fma hypervisor

"""
_INFORMATION = """Model: \t\t {name}
IRQ:   \t\t 43
GPU UUID: \t {uuid}
Video BIOS: \t 90.04.96.00.a0
Bus Type: \t PCIe
DMA Size: \t 47 bits
DMA Mask: \t 0x7fffffffffff
Bus Location: \t {bus}
Device Minor: \t {minor}
GPU Excluded:\t No
"""


def _driver_files(gpus: list[dict], driver: str) -> dict[str, str]:
    """What the driver shows in /proc and /dev: every GPU of the host, whatever a control group allots."""
    files = {
        "/proc/driver/nvidia/version": f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Sat Aug 19 2023\n",
        "/sys/module/nvidia/version": f"{driver}\n",
        "/dev/nvidiactl": "",
        "/dev/nvidia-uvm": "",
    }
    for each in gpus:
        bus = each["bus_id"][4:].lower()
        values = {"name": each["name"], "uuid": each["uuid"], "bus": bus, "minor": each["minor"]}
        files[f"/proc/driver/nvidia/gpus/{bus}/information"] = _INFORMATION.format(**values)
        files[f"/dev/nvidia{each['minor']}"] = ""
    return files


_CLOUD = "Intel(R) Xeon(R) CPU @ 2.20GHz"


def t4() -> dict:
    """A cloud's virtual machine with one T4, no counter of the processor's energy."""
    return box(_CLOUD, [gpu("Tesla T4", 0)], nvml_seconds=0.003)


def t4_and_v100(swapped: bool = False, **variables: str) -> dict:
    """Two GPUs: by CUDA's own order, the fastest first, the V100; by the bus the T4 unless they are swapped."""
    v100 = {"memory_mib": 16384, "compute_capability": "7.0", "speed": 2.0, "watts": 55.0, "megahertz": 1380}
    first, second = (1, 0) if swapped else (0, 1)
    found = [gpu("Tesla T4", first), gpu("Tesla V100-SXM2-16GB", second, **v100)]
    return box(_CLOUD, found, variables=variables)


def p100(driver: str = "535.104.05") -> dict:
    """A P100, which counts no energy and tells its power alone."""
    facts = {"memory_mib": 16280, "compute_capability": "6.0", "counts_energy": False, "watts": 27.0, "megahertz": 1328}
    return box(_CLOUD, [gpu("Tesla P100-PCIE-16GB", 0, **facts)], driver=driver)


def a100_with_mig() -> dict:
    """An A100 in parts, of which the user has been given the second."""
    parts = [mig("3g.20gb", 2, 19968), mig("1g.5gb", 9, 4864)]
    facts = {"memory_mib": 40960, "compute_capability": "8.0", "mig_capable": True, "mig": parts, "watts": 60.0}
    visible = {"CUDA_VISIBLE_DEVICES": parts[1]["uuid"]}
    return box("AMD EPYC 7742 64-Core Processor", [gpu("NVIDIA A100-SXM4-40GB", 0, **facts)], variables=visible)


def h100s_under_slurm(driver: str = "560.35.03") -> dict:
    """One of eight H100, the fourth, which SLURM's control group lets a job open; it is the job's number 0."""
    facts = {"memory_mib": 81559, "compute_capability": "9.0", "mig_capable": True, "watts": 70.0, "megahertz": 1980}
    variables = {"SLURM_JOB_ID": "4711", "SLURM_JOB_GPUS": "3", "SLURM_GPUS_ON_NODE": "1", "SLURM_CPUS_ON_NODE": "8"}
    variables |= {"CUDA_VISIBLE_DEVICES": "0", "GPU_DEVICE_ORDINAL": "0"}
    found = [gpu("NVIDIA H100 80GB HBM3", number, **facts) for number in range(8)]
    return box(
        "Intel(R) Xeon(R) Platinum 8480C",
        found,
        driver=driver,
        cuda="12.6",
        virtualisation="none",
        allotted=[3],
        rapl="root",
        variables=variables,
    )


def wsl2() -> dict:
    """Linux in WSL2 on a laptop: Windows' driver, no /dev/nvidia0, no /proc/driver/nvidia; nvidia-smi on no path."""
    facts = {"memory_mib": 8188, "compute_capability": "8.9", "bus_id": "00000000:01:00.0"}
    found = box("13th Gen Intel(R) Core(TM) i7-13700H", [gpu("NVIDIA GeForce RTX 4060 Laptop GPU", 0, **facts)])
    files = {path: text for path, text in found["files"].items() if "nvidia" not in path}
    files["/proc/version"] = "Linux version 5.15.153.1-microsoft-standard-WSL2 (root@941d701f84f1) (gcc 11.2.0) #1\n"
    files |= {"/dev/dxg": "", "/usr/lib/wsl/lib/libcuda.so.1": "", "/usr/lib/wsl/lib/libnvidia-ml.so.1": ""}
    changes = {"files": files, "driver": "555.99", "cuda": "12.5", "detected_virt": "wsl", "tools": "wsl"}
    return copy_of(found, **changes)


def laptop() -> dict:
    """A Linux laptop without a GPU that trains, on battery, charging a phone; everybody may read its RAPL counters."""
    supplies = {
        "AC": {"type": "Mains", "online": "0"},
        "BAT0": {"type": "Battery", "status": "Discharging", "scope": "System"},
        "ucsi-source-psy-USBC000:001": {"type": "USB", "online": "1", "scope": "Device"},
    }
    chip = "13th Gen Intel(R) Core(TM) i7-1360P"
    return box(chip, [], driver=None, virtualisation="none", rapl="all", supplies=supplies)


def copy_of(machine: dict, **changes: object) -> dict:
    """The machine with some facts changed."""
    return {**copy.deepcopy(machine), **changes}
