"""What the files of one machine say, held against each other, and the measurements of machines against those of others.

What one file alone cannot show: records of another computer under a machine's name, two runs that started at once, more
arithmetic than the device can do, and one measurement under two names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trainmark.experiment import controls, flops, suites
from trainmark.ingest import catalogue
from trainmark.ingest.bad_files import Problem
from trainmark.ingest.file_reader import Reader
from trainmark.machine import hardware
from trainmark.records import layout
from trainmark.records.record import OK

Identity = tuple[str | None, str | None]
# Of what does not say which machine it is of.
NOBODY: Identity = (None, None)
# A run may do more arithmetic than a sweep of matrix products has shown, by as much as a shared machine drifts between
# them; a clock exceeds the one that a published figure is of by a few percent.
_OVER_SWEPT, _OVER_PUBLISHED = 1.5, 1.25
# TensorFloat-32 multiplies eight times as fast as float32 (A100, 156 against 19.5 TFLOPS), and Winograd's algorithm
# convolves 3 x 3 with 2.25 times fewer multiplications than are counted (A. Lavin and S. Gray, Fast algorithms for
# convolutional neural networks, CVPR 2016). Half precision multiplies twice as fast as that; on a CPU, AMX's tiles make
# 16 times as many products in bfloat16 as AVX-512 makes in float32.
_BY_TENSOR_FLOAT_32, _BY_HALF_PRECISION, _BY_WINOGRAD = 8.0, 16.0, 2.25
# Both clocks are read some microseconds apart, and kernels differ in how they count processor time.
_CORES_SHARE, _CORES = 0.02, 0.1
_REMEDY = "Remove it, or get it again from where it came"


@dataclass(frozen=True)
class Rate:
    """How fast a run computed.

    Attributes:
        path: of its record.
        device: cpu or gpu.
        flops_per_second: of its fit, as ``flops`` counts; None of a model that is not counted.
        most: times the peak of the device in float32 that it may have reached.
        cores: processor time of its fit over the time of its fit.
    """

    path: str
    device: str
    flops_per_second: float | None
    most: float
    cores: float


@dataclass
class Facts:
    """What is kept of one machine's files until all are read.

    Attributes:
        machine: its name.
        described: identity and number of logical cores in its machine file, if it has one.
        hardware: the texts there by which published figures are found.
        identities: identity -> number of records and sweeps.
        starts: time of start -> paths of the records.
        rates: of the runs that are ok.
        peaks: device -> FLOP/s of the best matrix product.
        sweeps: device -> path of the sweep that is the peak.
    """

    machine: str
    described: tuple[Identity, int | None] | None = None
    hardware: dict[str, str] | None = None
    identities: dict[Identity, int] = field(default_factory=dict)
    starts: dict[str, list[str]] = field(default_factory=dict)
    rates: list[Rate] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    sweeps: dict[str, str] = field(default_factory=dict)

    def add_record(self, path: str, record: Any, workload: Any) -> None:
        """Keep what a record says."""
        self._count((record.identity.machine_id_hash, record.identity.hardware))
        self.starts.setdefault(record.started_at, []).append(path)
        if record.status == OK:
            fit = record.durations.fit_seconds
            model = suites.named(workload.suite or suites.DEFAULT).models.get(record.model)
            done = flops.of_fit(model, workload.epochs, workload.train_samples, workload.validation_samples)
            most = _BY_WINOGRAD if model and model.convolutional else 1.0
            most *= _BY_TENSOR_FLOAT_32 if record.device == "gpu" and record.execution.tensor_float_32 else 1.0
            most *= _BY_HALF_PRECISION if controls.computes_in(record.control) else 1.0
            cores = record.noise.fit_cpu_seconds / fit
            self.rates.append(Rate(path, record.device, done / fit if done else None, most, cores))

    def add_sweep(self, path: str, sweep: Any) -> None:
        """Keep what a sweep of matrix products says."""
        self._count((sweep.identity.machine_id_hash, sweep.identity.hardware))
        best = max(max(product.flops_per_second) for product in sweep.products)
        if best > self.peaks.get(sweep.device, 0.0):
            self.peaks[sweep.device], self.sweeps[sweep.device] = best, path

    def _count(self, identity: Identity) -> None:
        self.identities[identity] = self.identities.get(identity, 0) + 1

    def add_machine(self, description: Any) -> None:
        """Keep what a machine file says."""
        self.described = identity_of(description), description.cores.logical
        gpu = description.gpus[0] if description.gpus else None
        self.hardware = {"machine": self.machine, "chip": description.chip, "gpu": gpu.name if gpu else ""}
        self.hardware["gpu_cores"] = str(gpu.cores) if gpu else ""

    def add_earlier_machine(self, description: Any) -> None:
        """Keep what a machine file of an earlier session says: which machine it was, but nothing of what it is."""
        self._count(identity_of(description))

    def add(self, reader: Reader, path: str, content: bytes) -> None:
        """Keep what a file says, of whatever kind it is.

        Raises:
            BadFileError: if it is none of ours.
        """
        if layout.RECORD.fullmatch(path):
            record, workload = reader.record(path, content)
            self.add_record(path, record, workload.values)
        elif layout.MACHINE_FILE.fullmatch(path):
            description = reader.machine(path, content)
            earlier = bool(layout.of_session(path)[0])
            (self.add_earlier_machine if earlier else self.add_machine)(description)
        else:
            self.add_sweep(path, reader.result(path, content))

    @property
    def identity(self) -> Identity:
        """Of the machine: of its machine file, or of most of its records."""
        if self.described:
            return self.described[0]
        return max(self.identities, key=self.identities.__getitem__) if self.identities else NOBODY

    def problems(self, published: Mapping[str, Any] = catalogue.NOTHING_KNOWN) -> list[Problem]:
        """What cannot be true of this machine's files together.

        Args:
            published: figures of hardware, as ``catalogue.load`` gives them.

        Returns:
            One problem of the whole machine where it is two; else one for each file.
        """
        strangers = self.strangers()
        if strangers:
            return [strangers]
        found: dict[str, str] = {}
        peak = self._published_peak(published)
        for path, what in [*self._same_starts(), *self._too_fast(peak), *self._too_busy()]:
            found.setdefault(path, what)
        return [Problem(path, f"cannot be true: {what}", _REMEDY) for path, what in found.items()]

    def strangers(self) -> Problem | None:
        """A problem where the records come from different machines."""
        return find_strangers(self.machine, self.described[0] if self.described else None, self.identities)

    def _published_peak(self, published: Mapping[str, Any]) -> float | None:
        """FLOP/s in float32 that the vendor of the machine's GPU promises, if it is known."""
        rows = catalogue.look_up([self.hardware], published) if self.hardware else []
        return max((row["fp32_tflops"] for row in rows if row.get("fp32_tflops")), default=0.0) * 1e12 or None

    def _same_starts(self) -> Iterator[tuple[str, str]]:
        for start, paths in self.starts.items():
            for path in paths if len(paths) > 1 else ():
                other = next(each for each in paths if each != path)
                yield path, f"it was started at {start}, as {other} was, but no machine times two runs at once"

    def _too_fast(self, published: float | None) -> Iterator[tuple[str, str]]:
        swept = self.peaks.get("gpu")
        if published and swept and swept > _OVER_PUBLISHED * published:
            yield (
                self.sweeps["gpu"],
                (f"{swept / 1e12:.4g} TFLOPS are more than the GPU's published peak, {published / 1e12:.4g}"),
            )
            swept = None
        limits = {"cpu": _OVER_SWEPT * self.peaks.get("cpu", 0.0), "gpu": _OVER_SWEPT * (swept or 0.0)}
        limits["gpu"] = max(limits["gpu"], _OVER_PUBLISHED * (published or 0.0))
        for rate in self.rates:
            limit = limits[rate.device]
            if limit and rate.flops_per_second and rate.flops_per_second > limit * rate.most:
                yield (
                    rate.path,
                    f"it did {rate.flops_per_second / 1e12:.4g} TFLOPS, but the peak of this {rate.device} allows at "
                    f"most {limit * rate.most / 1e12:.4g}",
                )

    def _too_busy(self) -> Iterator[tuple[str, str]]:
        logical = self.described[1] if self.described else None
        for rate in self.rates:
            if logical and rate.cores > logical * (1 + _CORES_SHARE) + _CORES:
                yield rate.path, f"it used the time of {rate.cores:.1f} cores, but the machine has {logical}"


def identity_of(description: Any) -> Identity:
    """Keyed machine id and hardware signature of a machine file."""
    found = hardware.identity(msgspec.to_builtins(description))
    return found["machine_id_hash"], found["hardware"]


def same_machine(one: Identity, other: Identity) -> bool:
    """Whether two identities can be of one machine.

    The id decides where both have one, but a machine whose hardware changed is another one for a benchmark. Drivers and
    operating systems are no part of either: updating them leaves a machine the same.
    """
    return all(a is None or b is None or a == b for a, b in zip(one, other))


def proves(one: Identity, machine: Identity) -> bool:
    """Whether an identity says all that a machine's says, and the same."""
    return all(b is None or a == b for a, b in zip(one, machine))


def find_strangers(machine: str, described: Identity | None, counts: Mapping[Identity, int]) -> Problem | None:
    """A problem where the records under one name come from different machines.

    Args:
        machine: the name.
        described: identity in its machine file, if it has one.
        counts: identity -> number of records.
    """
    if not counts:
        return None
    reference = described or max(counts, key=counts.__getitem__)
    strangers = sum(n for identity, n in counts.items() if not same_machine(identity, reference))
    if not strangers:
        return None
    whom = "its machine.json describes" if described else "the others are of"
    return Problem(
        machine,
        f"{strangers} of its {sum(counts.values())} records were measured on another machine than {whom}: two machines "
        "under one name",
        "Move one of them away and bring it in under another name: make merge FROM=<its folder> AS=another-name. If "
        "it is one computer whose hardware was changed, its new runs need a new name too: machine in the "
        "configuration",
    )


def find_copies(
    facts: Iterable[Facts], losses: Callable[[str], tuple[float, ...] | None]
) -> dict[tuple[str, str], list[str]]:
    """One measurement under two machines' names: equal times of start, and equal losses in every digit.

    Two computers may start at once by chance, and two of a kind may compute the same digits, but not both.

    Args:
        facts: of every machine.
        losses: gives a record's losses by its path, as ``losses`` below.

    Returns:
        A machine and another one that has the same measurements -> paths of the first one's records; each record once.
    """
    starts: dict[str, list[str]] = defaultdict(list)
    for each in facts:
        for start, paths in each.starts.items():
            starts[start] += paths
    found = defaultdict(list)
    for paths in starts.values():
        if len(paths) < 2 or len({path.partition("/")[0] for path in paths}) < 2:
            continue
        alike: dict[tuple[float, ...], list[str]] = defaultdict(list)
        for path in sorted(paths):
            if (values := losses(path)) is not None:
                alike[values].append(path)
        for members in alike.values():
            machines = list(dict.fromkeys(path.partition("/")[0] for path in members))
            if len(machines) == 1:
                continue
            first, second, *_ = machines
            for path in members:
                machine = path.partition("/")[0]
                found[machine, second if machine == first else first].append(path)
    return found


def losses(reader: Reader, path: str, content: bytes) -> tuple[float, ...] | None:
    """The losses of a record whose run is ok; None of another."""
    record, _ = reader.record(path, content)
    if record.status != OK:
        return None
    return (*record.accuracy.train_loss, *record.accuracy.validation_loss)


def copies_problem(machine: str, other: str, count: int) -> Problem:
    """What to say of a machine that has measurements of another one."""
    runs = f"{count} of its runs {'is' if count == 1 else 'are'}"
    return Problem(
        machine,
        f"{runs} filed under {other}, too: times of start and losses agree in every digit, so one of the two was "
        "copied",
        "Remove the copy, or move its folder away; until then both are left out",
    )
