"""What the doctor makes of what it finds: each function looks at one thing, and says whether a benchmark would count.

Nothing but the standard library is needed, so that it works where no environment does.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import math
import shlex
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainmark import system
from trainmark.dataset import fashion_mnist
from trainmark.doctor.report_files import GOOD, WARNING, WRONG, Finding
from trainmark.errors import TrainmarkError
from trainmark.machine import awake, cuda, disturbances, gpus, hardware, meters
from trainmark.machine.disturbances import Clocks
from trainmark.machine.gpus import Gpu
from trainmark.measure import kernel_cache
from trainmark.records.record import OK, RECORD_BYTES

# For how long others are watched.
WATCH_SECONDS = 2.0
# What these take, about: the data set, decoded; the report; what should be left; what the driver compiles for a stack;
# the log of a run.
_DATA_BYTES, _REPORT_BYTES, _SPARE_BYTES = 90e6, 300e6, 1e9
_COMPILED_BYTES, _LOG_BYTES = 2e9, 32 * 1024
# A checkout may come from a machine whose clock is a little ahead.
_CLOCK_TOLERANCE_SECONDS = 86_400.0
# Half of the 95 % interval (Welch) of the ratio of two cells of three repeats each and of equal spread, over that
# spread: t(0.975, 4) times the root of 2/3.
_LOST_AT_THREE_REPEATS = 2.776 * math.sqrt(2 / 3)
# Spread beyond which a single repetition makes a measurement unstable, as pyperf has it.
_EXTREME = 0.5
# What a GPU says under full load, as most do.
_ORDINARY_THROTTLE = {"power cap"}


def diagnose(plan: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], facts: dict[str, Any]) -> Iterator[Finding]:
    """Everything, one finding after the other.

    Args:
        plan: as ``plan.for_doctor`` gives it.
        parts: as ``stack_check.examine`` gives them, of the stacks that are there.
        facts: is filled with what the findings are made of.
    """
    gpu = gpus.choose(plan["gpu"])
    description = hardware.describe(gpu)
    facts["machine"] = {key: value for key, value in description.items() if key != "machine_id_hash"}
    facts["stacks"] = list(parts)
    yield machine(plan, facts["machine"])
    yield platform(plan)
    if plan["platform"]:
        yield from (environment(plan, stack, parts) for stack in plan["stacks"])
        yield which_gpu(plan, gpu)
        for stack in plan["stacks"]:
            yield from gpu_code(plan, stack, gpu)
    for part in parts:
        yield from devices(part)
    for device in plan["devices"]:
        yield from (energy(device, each["seen"]) for each in _of_device(device, parts)[:1])
    conditions = facts["conditions"] = {**disturbances.conditions(), "governor": disturbances.governor()}
    yield from power(conditions)
    yield heat(conditions, parts)
    yield wakefulness(conditions)
    others = facts["others"] = watch_others(WATCH_SECONDS)
    yield from neighbours(others, parts)
    for part in parts:
        for device, found in part["devices"].items():
            if found.get("load"):
                yield evenness(plan, f"{part['stack']} {device}", found["load"])
    yield data_set(plan)
    yield from disk(needed_bytes(plan, gpu))
    passed = facts["clock"] = disturbances.interruption(Clocks(*plan["clocks"]), disturbances.clocks())
    yield clock(time.time(), newest_change(), passed)


def machine(plan: Mapping[str, Any], description: Mapping[str, Any]) -> Finding:
    """What this computer is, and what it will be called."""
    cores = description["cores"]
    kinds = ", ".join(f"{count} {level}" for level, count in (cores["levels"] or {}).items())
    words = [description["chip"], f"{cores['logical']} logical cores{f' ({kinds})' if kinds else ''}"]
    if cores["usable"] != cores["logical"]:
        words.append(f"of which this process may use {cores['usable']}")
    words += [f"{gpu['name']}{_with_cores(gpu)}" for gpu in description["gpus"]]
    words += [f"{description['memory_bytes'] / 2**30:.0f} GiB"] if description["memory_bytes"] else []
    words.append(description["operating_system"])
    words += [description["virtualisation"]] if description["virtualisation"] not in (None, "none") else []
    if plan["refused"]["machine"]:
        return Finding("machine", WRONG, f"{', '.join(words)}.\n{plan['refused']['machine']}")
    name = f"It is called {plan['machine']}; another name: machine in config/config.yaml."
    return Finding("machine", GOOD, f"{', '.join(words)}. {name}")


def _with_cores(gpu: Mapping[str, Any]) -> str:
    return f" with {gpu['cores']} cores" if gpu["cores"] else ""


def platform(plan: Mapping[str, Any]) -> Finding:
    """Whether any stack runs here."""
    if plan["refused"]["platform"]:
        return Finding("platform", WRONG, plan["refused"]["platform"])
    return Finding("platform", GOOD, f"{plan['platform']}, for which there are pinned environments.")


def environment(plan: Mapping[str, Any], stack: str, parts: Sequence[Mapping[str, Any]]) -> Finding:
    """Whether a stack is there, and is what its lock pins; arguments as for ``diagnose``."""
    missing = plan["refused"]["stacks"].get(stack)
    if missing:
        return Finding(stack, WRONG, missing, "To look again then:", _command_to_get(plan))
    (part,) = (each for each in parts if each["stack"] == stack)
    if part["reason"]:
        return Finding(stack, WRONG, part["reason"])
    lock = part["environment"]["lock_file"]
    where = "In its conda environment" if plan["use_conda"] else "Installed beside Snakemake"
    found = f"{where}, Python {part['python']}; every package is the one that envs/{lock} pins."
    if part["busy"]:
        wait = "Give the same command again when that has ended."
        return Finding(stack, WARNING, f"{found} Nothing was computed with it: {part['busy']}", wait)
    return Finding(stack, GOOD, found)


def _command_to_get(plan: Mapping[str, Any]) -> str:
    """The way to a stack that can be gone here."""
    if shutil.which("conda"):
        return f"{plan['command']} --use-conda doctor"
    if plan["installed_stack"]:
        return f"{plan['command']} doctor --config 'stacks=[{plan['installed_stack']}]'"
    return "make doctor"


def which_gpu(plan: Mapping[str, Any], gpu: Gpu | None) -> Finding:
    """Which GPU is timed, if any."""
    if gpu is None:
        if gpus.is_nvidia_on_bus():
            found = "This machine has an NVIDIA GPU, and no driver of NVIDIA's that answers. The CPU alone is timed."
            return Finding("GPU", WARNING, found, "Install NVIDIA's driver, until this shows the GPU:", "nvidia-smi")
        return Finding("GPU", GOOD, "None that TensorFlow could use was found; the CPU is timed.")
    if "gpu" not in plan["devices"] and plan["virtual_mac"]:
        text = f"{gpu} is not timed: this macOS runs in a virtual machine, whose GPU is the host's, shared."
        again = f"{plan['command']} --config 'devices=[cpu,gpu]'"
        return Finding("GPU", WARNING, text, "To time it all the same:", again)
    if "gpu" not in plan["devices"]:
        return Finding("GPU", GOOD, f"{gpu} is not timed, as the configuration says (devices).")
    facts = [f"compute capability {gpu.compute_capability}"] if gpu.compute_capability else []
    facts += [f"driver {gpu.driver}"] if gpu.driver and not system.MAC else []
    facts += [f"{gpu.memory_bytes / 2**30:.0f} GiB"] if gpu.memory_bytes else []
    return Finding("GPU", GOOD, f"{', '.join([str(gpu), *facts])}. {gpus.remark_on_others(gpu) or ''}".strip())


def gpu_code(plan: Mapping[str, Any], stack: str, gpu: Gpu | None) -> Iterator[Finding]:
    """Whether a stack's TensorFlow has code for the GPU that the driver can run."""
    if gpu is None or system.MAC or "gpu" not in plan["devices"]:
        return
    topic = f"{stack} code"
    try:
        cuda.refuse_unfit(stack, gpu)
    except TrainmarkError as error:
        yield Finding(topic, WRONG, str(error), "Which driver there is:", "nvidia-smi")
        return
    lock_file = Path("envs") / f"{stack}.{plan['platform']}.yaml"
    if gpu.compute_capability is None:
        yield Finding(topic, GOOD, "The driver does not tell the GPU's compute capability; it is new enough for most.")
    elif not cuda.must_compile(stack, gpu):
        yield Finding(topic, GOOD, f"TensorFlow holds machine code for compute capability {gpu.compute_capability}.")
    elif kernel_cache.is_needed(stack, "gpu", gpu, lock_file):
        found = f"TensorFlow holds no machine code for compute capability {gpu.compute_capability}: NVIDIA's driver "
        found += "compiles it, once, before the first timing. That takes minutes, up to half an hour."
        yield Finding(topic, WARNING, found, "Nothing is to be done: it is in no timing.")
    else:
        yield Finding(topic, GOOD, "What NVIDIA's driver had to compile for this GPU has been compiled.")


def devices(part: Mapping[str, Any]) -> Iterator[Finding]:
    """What was found of each device with one stack."""
    for device, found in part["devices"].items():
        topic = f"{part['stack']} {device}"
        yield _seen(topic, device, found)
        yield from (_step(topic, model, step) for model, step in found["steps"].items() if found["status"] == OK)


def _of_device(device: str, parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was found of a device, stack by stack."""
    return [part["devices"][device] for part in parts if device in part["devices"]]


def _seen(topic: str, device: str, found: Mapping[str, Any]) -> Finding:
    """The device that TensorFlow sees, and the product of matrices on it."""
    if found["status"] != OK:
        return Finding(topic, WRONG, found["reason"], *_show_log(topic))
    details = found["gpu"] or {}
    name = details.get("name") or ("the GPU" if device == "gpu" else "the CPU")
    where = f" at {details['pci_bus_id']}" if details.get("pci_bus_id") else ""
    rate = statistics.median(found["load"]["flops_per_second"]) / 1e12
    text = f"TensorFlow {found['versions']['tensorflow']} sees {name}{where}. A product of square matrices of "
    return Finding(topic, GOOD, f"{text}{found['load']['side']} ran on it, with {rate:.3g} TFLOPS (float32).")


def _step(topic: str, model: str, step: Mapping[str, Any]) -> Finding:
    if step["reason"]:
        return Finding(topic, WRONG, f"A step of {model}: {step['reason']}", *_show_log(topic))
    execution = step["execution"]
    optimizer = execution["optimizer_class"].rpartition(".")[2]
    updates = " and ".join(f"{where} ({count})" for where, count in execution["optimizer_devices"].items())
    left = ", ".join(execution["step_fallback"])
    text = f"A step of {model}: variables on {' and '.join(execution['variable_devices'])}, arithmetic on "
    text += f"{' and '.join(execution['arithmetic_devices'])}, {optimizer}'s operations on {updates}."
    return Finding(topic, GOOD, text + (f" Left to the CPU: {left}." if left else ""))


def _show_log(topic: str) -> tuple[str, str]:
    return "What TensorFlow said is in this log:", f"cat results/logs/examine_stack/{topic.split()[0]}.log"


def energy(device: str, seen: Mapping[str, Any]) -> Finding:
    """Which meters count a device, how often they move, and the power that they tell."""
    topic, found = f"{device} energy", seen["energy"]
    if found["reason"] is None:
        counted = [part for part in found["domains"] if part["counted"]]
        moves = {part["source"]: seen["moves_a_second"][part["source"]] for part in counted}
        meters_told = " and ".join(f"{name}, which moves {rate:.0f} times a second" for name, rate in moves.items())
        known = [part for part in counted if part["idle_watts"] is not None]
        watts = ", ".join(f"{part['domain']} {part['idle_watts']:.1f} W" for part in known)
        idle = f"idle {watts}" if known else f"idle power not known ({found['idle_reason']})"
        load = found["joules"] / found["window_seconds"]
        return Finding(topic, GOOD, f"{meters_told}: {idle}; under load {load:.1f} W in all.")
    text = f"None will be measured: {found['reason']}."
    if device == "cpu" and "sudo chmod" in text:
        allow = f"sudo chmod a+r {meters.POWERCAP}/intel-rapl:*/energy_uj"
        return Finding(topic, WARNING, text, "To allow it until the next start:", allow)
    return Finding(topic, WARNING, text, "The times count all the same.")


def power(conditions: Mapping[str, Any]) -> Iterator[Finding]:
    """How the machine is powered, and whether it was asked to save power."""
    found: list[tuple[str, ...]] = []
    if conditions["low_power_mode"]:
        normal = "sudo pmset -a lowpowermode 0"
        normal = normal if system.MAC else "echo balanced | sudo tee /sys/firmware/acpi/platform_profile"
        found.append(("The machine is in low-power mode: it computes slower.", "To end it:", normal))
    if conditions["governor"] == "powersave":
        text = "Linux holds the processor at its lowest clock (its governor is powersave)."
        found.append((text, "To end it:", "sudo cpupower frequency-set --governor performance"))
    if conditions["power_source"] == "battery":
        found.append(("On battery, on which many machines compute slower.", "Plug it in."))
    yield from (Finding("power", WARNING, *each) for each in found)
    if not found:
        source = {"mains": "On mains"}.get(conditions["power_source"], "The system names no battery")
        yield Finding("power", GOOD, f"{source}; not in low-power mode.")


def heat(conditions: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> Finding:
    """Whether anything held the processor or the GPU back under load."""
    found = [each for part in parts for each in part["devices"].values()]
    states = [each["seen"]["gpu"] for each in found if (each["seen"].get("gpu") or {}).get("gpu_clock_hertz")]
    held: set[str] = set()
    for state in states:
        held |= {name for name, share in (state["gpu_throttle_shares"] or {}).items() if share}
    slowed = sum(each["load"]["noise"]["fit_throttle_events"] or 0 for each in found if each.get("load"))
    clock = max((state["gpu_clock_hertz"] for state in states), default=None)
    hottest = max((state["gpu_temperature_celsius"] or 0 for state in states), default=None)
    told = f" The GPU's clock under load was {clock / 1e6:.0f} MHz, at {hottest:.0f} degrees Celsius." if clock else ""
    if conditions["thermal_pressure"] not in (None, disturbances.THERMAL_PRESSURES[0]):
        held.add(f"macOS's thermal pressure ({conditions['thermal_pressure']})")
    if slowed:
        held.add(f"the processor's heat ({slowed} times)")
    if held - _ORDINARY_THROTTLE:
        advice = "Let the machine cool, give it air, and let it rest between the runs: cool_down_seconds in the "
        advice += "configuration, or --config cool_down_seconds=300"
        return Finding("heat", WARNING, f"Held back by {', '.join(sorted(held))}.{told}", advice)
    usual = " Its power cap holds it back, as is usual under full load." if held else ""
    return Finding("heat", GOOD, f"Nothing held the machine back for its heat.{told}{usual}")


def wakefulness(conditions: Mapping[str, Any]) -> Finding:
    """Whether the machine can be kept awake while it is timed."""
    program = awake.holder()
    if program:
        return Finding("sleep", GOOD, f"{program} keeps the machine awake while it is timed.")
    what = "Nothing here keeps the machine awake while it is timed; a run during which it slept is marked."
    if not system.MAC and conditions["power_source"] is None:
        return Finding("sleep", GOOD, f"{what} Servers and virtual machines do not fall asleep by themselves.")
    return Finding("sleep", WARNING, what, "Forbid it to sleep for that time, in its settings for saving energy.")


def watch_others(seconds: float) -> dict[str, Any]:
    """What other programs and the host take of the cores while nothing of ours runs.

    Returns:
        ``cpu_share`` and ``steal_share``, of the time of the cores that this process may use; None where the system
        does not tell.
    """
    before, own, start = disturbances.snapshot(), time.process_time(), time.perf_counter()
    time.sleep(seconds)
    found = disturbances.between(before, disturbances.snapshot(), time.process_time() - own)
    cores = (time.perf_counter() - start) * hardware.usable_cores()
    taken = {"cpu_share": found["fit_other_cpu_seconds"], "steal_share": found["fit_steal_seconds"]}
    return {key: None if value is None else value / cores for key, value in taken.items()}


def neighbours(others: Mapping[str, float | None], parts: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Whether others compute here, or the host gives this machine's cores away."""
    on_gpu = max((each["gpu_processes"] or 0 for part in parts for each in part["devices"].values()), default=0)
    cpu, steal = others["cpu_share"], others["steal_share"]
    found: list[tuple[str, ...]] = []
    if (cpu or 0) > disturbances.DISTURBING:
        show = f"ps -A -o pcpu,comm {'-r' if system.MAC else '--sort=-pcpu'} | head"
        found.append((f"Other programs took {cpu:.0%} of the cores' time.", "End them. To see them:", show))
    if (steal or 0) > disturbances.DISTURBING:
        advice = "Take another time of day, or a machine of your own."
        found.append((f"The host gave {steal:.0%} of the cores' time to others.", advice))
    if on_gpu:
        text = f"{on_gpu} other process{'es' * (on_gpu > 1)} on the GPU."
        found.append((text, "End them. To see them:", "nvidia-smi"))
    yield from (Finding("neighbours", WARNING, *each) for each in found)
    if not found and cpu is None:
        yield Finding("neighbours", GOOD, "The system does not tell what others take of the cores.")
    elif not found:
        yield Finding("neighbours", GOOD, f"Other programs took {cpu:.0%} of the cores' time.")


def evenness(plan: Mapping[str, Any], topic: str, load: Mapping[str, Any]) -> Finding:
    """How far repetitions of one load lie apart, and what that means for a benchmark."""
    seconds = load["seconds"]
    mean = statistics.fmean(seconds)
    spread = statistics.stdev(seconds) / mean
    extreme = max(abs(each - mean) for each in seconds) / mean
    text = f"{len(seconds)} times the same load of {mean:.1f} s: spread {spread:.1%} (standard deviation over mean), "
    text += f"the farthest {extreme:.0%} off. Expect at least that spread of the repeats of a cell: with three repeats "
    text += f"each, two cells that differ by less than {_LOST_AT_THREE_REPEATS * spread:.1%} cannot be told apart."
    if spread > disturbances.UNSTABLE or extreme > _EXTREME:
        again = f"{plan['command']} --config repeats=auto"
        return Finding(f"{topic} noise", WARNING, text, "Close other programs, or take more repeats:", again)
    return Finding(f"{topic} noise", GOOD, text)


def data_set(plan: Mapping[str, Any], folder: Path = Path("results/data")) -> Finding:
    """Whether Fashion-MNIST is there or can be had."""
    if fashion_mnist.is_decoded(folder):
        return Finding("data set", GOOD, f"Fashion-MNIST, decoded and verified, in {folder}.")
    if all((folder / f"{name}.npy").exists() for name in fashion_mnist.PAYLOADS):
        text = f"{folder} does not hold the published data."
        return Finding("data set", WRONG, text, "Remove it; it is fetched anew:", f"rm -r {folder}")
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            _, source = fashion_mnist.obtain(plan["data_folder"] or None, plan["data_download"])
    except TrainmarkError as error:
        return Finding("data set", WRONG, str(error))
    refused = told.getvalue().strip()
    if refused:
        advice = "Remove what was refused."
        return Finding("data set", WARNING, f"Fashion-MNIST, verified, from {source}.\n{refused}", advice)
    return Finding("data set", GOOD, f"Fashion-MNIST, verified, from {source}.")


def needed_bytes(plan: Mapping[str, Any], gpu: Gpu | None) -> dict[Path, float]:
    """What is still to be written: folder -> bytes, about."""
    here = plan["records_missing"] * (RECORD_BYTES + _LOG_BYTES) + _REPORT_BYTES
    here += 0 if any(Path("results/data").glob("*.npy")) else _DATA_BYTES
    here += plan["environment_bytes"]
    compiles = [stack for stack in plan["stacks"] if "gpu" in plan["devices"] and cuda.must_compile(stack, gpu)]
    return {Path(): here, **({kernel_cache.cache_folder(): len(compiles) * _COMPILED_BYTES} if compiles else {})}


def disk(needed: Mapping[Path, float]) -> Iterator[Finding]:
    """Whether there is room for what is to be written.

    Args:
        needed: folder -> bytes.
    """
    for folder, size in needed.items():
        names = ".venv .snakemake results" if folder == Path() else shlex.quote(str(folder))
        free = shutil.disk_usage(next(each for each in (folder, *folder.absolute().parents) if each.exists())).free
        place = "this folder" if folder == Path() else folder
        text = f"{free / 1e9:.1f} GB free for {place}, in which a benchmark writes about {size / 1e9:.1f} GB."
        show = "To see what takes the room:", f"du -sh {names}"
        if free < size:
            yield Finding("disk", WRONG, text, *show)
        elif free < size + _SPARE_BYTES:
            yield Finding("disk", WARNING, text, *show)
        else:
            yield Finding("disk", GOOD, text)


def newest_change() -> float:
    """When this checkout was last changed, seconds since 1970: its newest commit, without git its newest file."""
    checkout = Path(__file__).resolve().parents[4]
    if (checkout / ".git").exists():
        commit = system.command_output("git", "-C", str(checkout), "log", "-1", "--format=%ct")
        if commit:
            return float(commit)
    return max(path.stat().st_mtime for path in (checkout / "workflow").rglob("*.py"))


def clock(now: float, newest: float, passed: Mapping[str, float | None]) -> Finding:
    """Whether the time of day can be true, by this checkout and by a clock that cannot be set.

    Args:
        now: the time of day, seconds since 1970.
        newest: when the checkout was last changed, on the same clock.
        passed: as ``disturbances.interruption`` gives it, of the time that the doctor took.
    """
    told = f"{datetime.datetime.fromtimestamp(now, datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"
    ask = "sudo sntp -sS time.apple.com" if system.MAC else "sudo timedatectl set-ntp true"
    if now < newest - _CLOCK_TOLERANCE_SECONDS:
        since = datetime.datetime.fromtimestamp(newest, datetime.timezone.utc).date()
        text = f"It says {told}, and this checkout was changed on {since}: the clock is behind."
        return Finding("clock", WRONG, text, "Set it:", ask)
    if abs(passed["clock_jump_seconds"] or 0) > disturbances.NOTICED_SECONDS:
        text = f"{told}. The time of day was set by {passed['clock_jump_seconds']:.1f} s while the doctor looked."
        return Finding("clock", WARNING, text, "Let a time server set it, in small steps:", ask)
    if (passed["suspended_seconds"] or 0) > disturbances.NOTICED_SECONDS:
        text = f"{told}. The machine slept for {passed['suspended_seconds']:.0f} s while the doctor looked."
        return Finding("clock", WARNING, text, "Forbid it to sleep, in its settings for saving energy.")
    return Finding("clock", GOOD, f"{told}; it ran evenly with a clock that cannot be set.")
