"""Apple's programs, as they answer on Apple Silicon: their formats, refusals and exit codes."""

import getopt
import os
import time

Answer = tuple[str, str, int]
_USAGE = 64  # EX_USAGE of sysexits(3)


def sysctl(machine: dict, arguments: list[str]) -> Answer:
    """Values of the kernel; ``hw.``, say, stands for all that begin so."""
    try:
        options, names = getopt.getopt(arguments, "abdeFhiNnoqxB:")
    except getopt.GetoptError as error:
        usage = (
            "usage: sysctl [-bdehiNnoqx] [-B <bufsize>] [-f filename] name[=value] ...\n       sysctl [-bdehNnoqx] -a\n"
        )
        return "", f"sysctl: illegal option -- {error.opt}\n{usage}", 1
    flags, known = {flag for flag, _ in options}, machine["sysctl"]
    names = list(known) if "-a" in flags else names
    printed, complaint = "", ""
    for name in names:
        found = [key for key in known if key == name or key.startswith(name.rstrip(".") + ".")]
        if not found and "-i" not in flags:
            complaint += f"sysctl: unknown oid '{name}'\n"
        for key in found:
            separator = "=" if "-e" in flags else ": "
            printed += f"{known[key]}\n" if "-n" in flags else f"{key}{separator}{known[key]}\n"
    return printed, complaint, int(bool(complaint))


def ioreg(machine: dict, arguments: list[str]) -> Answer:
    """The registry's objects of a class: ``-r``, ``-c CLASS``; without, the root alone."""
    try:
        options, _ = getopt.getopt(arguments, "abc:d:fik:ln:p:rsStw:x")
    except getopt.GetoptError as error:
        return "", f"ioreg: illegal option -- {error.opt}\nusage: ioreg [-abfilrtx] [-c class] [-d depth] ...\n", 1
    wanted = dict(options)
    if "-c" not in wanted:
        return "+-o Root  <class IORegistryEntry, id 0x100000100, retain 31>\n", "", 0
    printed = ""
    for entry in machine["ioreg"]:
        if wanted["-c"] in entry["classes"]:
            properties = "".join(f"      {line}\n" for line in entry["properties"])
            flags = "registered, matched, active, busy 0 (21 ms), retain 46"
            printed += f"+-o {entry['name']}  <class {entry['classes'][0]}, id 0x1000003d1, {flags}>\n"
            printed += f"    {{\n{properties}    }}\n    \n\n"
    return printed, "", 0


def pmset(machine: dict, arguments: list[str]) -> Answer:
    """Power settings, and what powers the machine; changing them needs root."""
    if arguments[:1] != ["-g"]:
        return "", "'pmset' must be run as root...\n", 77
    topic = arguments[1] if len(arguments) > 1 else "live"
    if topic in ("batt", "ps"):
        return machine["pmset_batt"], "", 0
    if topic == "live":
        return machine["pmset"], "", 0
    if topic == "therm":
        notes = ["thermal warning level", "performance warning level", "CPU power status"]
        return "".join(f"Note: No {note} has been recorded\n" for note in notes), "", 0
    return "", "Usage:  pmset <options>\n", _USAGE


def sw_vers(machine: dict, arguments: list[str]) -> Answer:
    """The system's name and version; it is told the truth whatever older programs are told."""
    values = machine["sw_vers"]
    if not arguments:
        return "".join(f"{name}:\t\t{value}\n" for name, value in values.items()), "", 0
    name = arguments[0].lstrip("-")
    known = {key[0].lower() + key[1:]: value for key, value in values.items()}
    if len(arguments) > 1 or name not in known:
        return "", "Usage: sw_vers [--help|--productName|--productVersion|--buildVersion]\n", 1
    return f"{known[name]}\n", "", 0


def notifyutil(machine: dict, arguments: list[str]) -> Answer:
    """States of notifications; a key that nobody has posted is 0."""
    printed, left = "", list(arguments)
    while left:
        option = left.pop(0)
        if option == "-g" and left:
            key = left.pop(0)
            printed += f"{key} {machine['notifications'].get(key, 0)}\n"
        elif option not in ("-v", "-q"):
            return printed, "usage: notifyutil [-q] [-v] [-t] [-M] [-R] [command ...]\n", 1
    return printed, "", 0


def caffeinate(machine: dict, arguments: list[str]) -> Answer:
    """Keep awake while a program runs, a process lives (-w), or for a time (-t)."""
    try:
        options, program = getopt.getopt(arguments, "dimsut:w:h")
    except getopt.GetoptError as error:
        usage = "usage: caffeinate [-disu] [-t timeout] [-w Process ID] [command arguments...]\n"
        return "", f"caffeinate: illegal option -- {error.opt}\n{usage}", _USAGE
    wanted = dict(options)
    if program:
        os.execvp(program[0], program)
    if "-w" in wanted and not _alive(int(wanted["-w"])):
        return "", f"caffeinate: invalid process id {wanted['-w']}\n", _USAGE
    end = time.monotonic() + float(wanted.get("-t", "inf"))
    while time.monotonic() < end and ("-w" not in wanted or _alive(int(wanted["-w"]))):
        time.sleep(0.1)
    return "", "", 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def system_profiler(machine: dict, arguments: list[str]) -> Answer:
    """Reports; of the fonts, for which Matplotlib asks, none."""
    if "-xml" in arguments:
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">\n<array><dict><key>_items</key><array/>'
        return f"{head}</dict></array>\n</plist>\n", "", 0
    return "", "", 0


def uname(machine: dict, arguments: list[str]) -> Answer:
    """The kernel; Python asks it for the processor, which is "arm" on Apple Silicon and "i386" under Rosetta."""
    system, node, release, version, architecture = machine["uname"]
    processor = "arm" if architecture == "arm64" else "i386"
    parts = {"s": system, "n": node, "r": release, "v": version, "m": architecture, "p": processor}
    letters = "".join(argument.lstrip("-") for argument in arguments) or "s"
    if set(letters) - set("amnoprsv"):
        return "", f"uname: illegal option -- {letters}\nusage: uname [-amnoprsv]\n", 1
    wanted = "snrvm" if "a" in letters else [letter for letter in parts if letter in letters]
    return " ".join(parts[letter] for letter in wanted) + "\n", "", 0


TOOLS = {
    "sysctl": sysctl,
    "ioreg": ioreg,
    "pmset": pmset,
    "sw_vers": sw_vers,
    "notifyutil": notifyutil,
    "caffeinate": caffeinate,
    "system_profiler": system_profiler,
    "uname": uname,
}
