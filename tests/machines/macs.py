"""What is imitated: the facts of Macs. Where they are from: README.md beside this file."""

# What a Mac lacks, and what it has that Python or our code asks for.
_MAC_PATHS = ["/proc", "/sys", "/etc/machine-id", "/var/lib/dbus", "/etc/os-release", "/usr/lib/os-release", "/System"]
_MAC_PATHS += ["/dev/nvidia*", "/dev/dxg", "/usr/lib/wsl"]
_PLIST = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>ProductBuildVersion</key>
	<string>{build}</string>
	<key>ProductName</key>
	<string>macOS</string>
	<key>ProductUserVisibleVersion</key>
	<string>{version}</string>
	<key>ProductVersion</key>
	<string>{version}</string>
</dict>
</plist>
"""
_PMSET = """System-wide power settings:
Currently in use:
 standby              1
 Sleep On Power Button 1
 hibernatefile        /var/vm/sleepimage
 powernap             1
 networkoversleep     0
 disksleep            10
 sleep                1 (sleep prevented by coreaudiod)
 hibernatemode        3
 ttyskeepawake        1
 displaysleep         10
 tcpkeepalive         1
 lowpowermode         {low_power}
 womp                 1
"""


def mac(
    chip: str,
    levels: list[tuple[str, int]],
    gpu_cores: int | None,
    memory_gib: int,
    *,
    version: tuple[str, str] = ("14.1", "23B2073"),
    version_for_python: str | None = None,
    release: str = "23.1.0",
    battery: bool = False,
    watts: dict[str, float] | None = None,
    architecture: str = "arm64",
    translated: bool = False,
    virtual: bool = False,
    sleeps_seconds: float = 0,
    uuid: str = "5A1DA7A0-0000-4000-8000-00000000000A",
) -> dict:
    """A Mac with Apple Silicon.

    Args:
        chip: as ``machdep.cpu.brand_string`` gives it.
        levels: name and number of the cores of each performance level, the fastest first.
        gpu_cores: None where the registry has no AGXAccelerator, as in a virtual machine.
        memory_gib: of the chip.
        version: of macOS, and its build.
        version_for_python: what SystemVersion.plist says to programs built with an older SDK, where that is another.
        release: of the kernel.
        battery: whether it draws from one.
        watts: what Apple's counters count, by zeus-apple-silicon's field; None where they cannot be had.
        architecture: of Python, and so of what its kernel says to it.
        translated: whether Python runs under Rosetta.
        virtual: whether this is a virtual machine.
        sleeps_seconds: for how long it sleeps while a model trains, once.
        uuid: the platform's.
    """
    cores = sum(number for _, number in levels)
    sysctl = {
        "kern.ostype": "Darwin",
        "kern.osrelease": release,
        "kern.osproductversion": version[0],
        "kern.hv_vmm_present": int(virtual),
        "hw.ncpu": cores,
        "hw.memsize": memory_gib * 2**30,
        "hw.physicalcpu": cores,
        "hw.physicalcpu_max": cores,
        "hw.logicalcpu": cores,
        "hw.logicalcpu_max": cores,
        "hw.nperflevels": len(levels),
        "hw.optional.arm64": 1,
        "machdep.cpu.brand_string": chip,
        "machdep.cpu.core_count": cores,
        "sysctl.proc_translated": int(translated),
    }
    for number, (name, count) in enumerate(levels):
        kinds = ("physicalcpu", "physicalcpu_max", "logicalcpu", "logicalcpu_max")
        sysctl |= {f"hw.perflevel{number}.{kind}": count for kind in kinds}
        sysctl[f"hw.perflevel{number}.name"] = name
    ioreg = [
        {
            "name": "VirtualMac2,1" if virtual else "J414c",
            "classes": ["IOPlatformExpertDevice"],
            "properties": ['"IOPlatformUUID" = "' + uuid + '"', '"manufacturer" = <"Apple Inc.">'],
        }
    ]
    if gpu_cores:
        ioreg.append(
            {
                "name": "AGXAcceleratorG14X",
                "classes": ["AGXAcceleratorG14X", "AGXAccelerator", "IOAccelerator"],
                "properties": ['"IOMatchedAtBoot" = Yes', f'"model" = "{chip}"', f'"gpu-core-count" = {gpu_cores}'],
            }
        )
    kernel = f"Darwin Kernel Version {release}: Mon Oct  9 21:28:12 PDT 2023; root:xnu-10002.41.9~6/RELEASE_ARM64_T6020"
    source = "Battery" if battery else "AC"
    charge = "100%; charged; 0:00 remaining" if not battery else "81%; discharging; 9:11 remaining"
    plist = _PLIST.format(build=version[1], version=version_for_python or version[0])
    return {
        "system": "Darwin",
        "platform": "osx-arm64",
        "uname": ["Darwin", "Mac.local", release, kernel, architecture],
        "logical_cpus": cores,
        "sleeps_seconds": sleeps_seconds,
        "paths": _MAC_PATHS,
        "root_only": [],
        "counting": {},
        "files": {"/System/Library/CoreServices/SystemVersion.plist": plist},
        "metal": not translated,
        "tensorflow_build": {},
        "gpus": [],
        "allotted": None,
        "driver": None,
        "detected_virt": "none",
        "tools": "mac",
        "variables": {"SHELL": "/bin/zsh", "__CFBundleIdentifier": "com.apple.Terminal"},
        "apple_watts": watts,
        "sysctl": {name: str(value) for name, value in sysctl.items()},
        "ioreg": ioreg,
        "pmset": _PMSET.format(low_power=0),
        "pmset_batt": f"Now drawing from '{source} Power'\n -InternalBattery-0 (id=22806627)\t{charge} present: true\n",
        "sw_vers": {"ProductName": "macOS", "ProductVersion": version[0], "BuildVersion": version[1]},
        "notifications": {"com.apple.system.thermalpressurelevel": 0},
    }


LID_CLOSED_SECONDS = 95 * 60.0
M2_MAX_WATTS = {"cpu_total_mj": 12.0, "dram_mj": 1.5, "gpu_mj": 9.0, "gpu_sram_mj": 0.1, "ane_mj": 0.0}


def m2_max() -> dict:
    """A MacBook Pro with an M2 Max, 30 GPU cores, macOS 14."""
    return mac("Apple M2 Max", [("Performance", 8), ("Efficiency", 4)], 30, 32, watts=M2_MAX_WATTS)


def m3_ultra() -> dict:
    """A Mac Studio with an M3 Ultra, whose second die zeus-apple-silicon writes over the first."""
    levels = [("Performance", 20), ("Efficiency", 8)]
    return mac("Apple M3 Ultra", levels, 60, 96, version=("15.3.2", "24D81"), release="24.3.0", watts=M2_MAX_WATTS)


def m5_max() -> dict:
    """A MacBook Pro with an M5 Max, whose kinds of cores have new names, on macOS 26, which Python takes for 16.

    It is on battery, and its lid is closed for 95 minutes while a model trains.
    """
    levels = [("Super", 6), ("Performance", 12)]
    version = {"version": ("26.4", "25E246"), "version_for_python": "16.0", "release": "25.4.0"}
    return mac(
        "Apple M5 Max", levels, 40, 64, battery=True, watts=M2_MAX_WATTS, sleeps_seconds=LID_CLOSED_SECONDS, **version
    )


def m6() -> dict:
    """A Mac with an M6, which has three kinds of cores."""
    levels = [("Super", 2), ("Performance", 4), ("Efficiency", 6)]
    return mac("Apple M6", levels, 12, 32, version=("27.0.1", "26A423"), version_for_python="16.0", release="26.0.0")


def rosetta() -> dict:
    """An M2 Max on which Python is the one for Intel processors, translated by Rosetta."""
    levels = [("Performance", 8), ("Efficiency", 4)]
    return mac("Apple M2 Max", levels, 30, 32, architecture="x86_64", translated=True)


def mac_vm() -> dict:
    """A virtual machine on a Mac, as GitHub's runners are: no counters, and a GPU that is not the chip's."""
    return mac("Apple M1 (Virtual)", [("Performance", 3)], None, 7, version=("15.5", "24F74"), virtual=True)
