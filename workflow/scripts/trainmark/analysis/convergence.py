"""The convergence gate: a speed counts only if the model learned.

A run is held against reference runs of the same model, batch size and data, epoch by epoch: the idea of MLPerf's
reference convergence points, turned round, since here the epochs are fixed and the accuracy is what varies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainmark.analysis import accuracy_targets
from trainmark.experiment import suites, workloads
from trainmark.experiment.suites.suite import Suite
from trainmark.ingest import yaml_file

# A validation accuracy that is lower by no more than this is as good: half a point moves no conclusion about speed.
MARGIN = 0.005
REFERENCES, WEAKER_RULES = "references", "weaker rules"


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a run.

    Attributes:
        reason: why it did not converge; empty if it did.
        gate: by which rules it was judged; None if by none.
        t: by how many standard deviations it is above the mean of the references less MARGIN (negative: below).
        limit: the value of ``t`` below which it does not count.
    """

    reason: str
    gate: str | None
    t: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class References:
    """Validation accuracies of runs that learned.

    Attributes:
        settings: what they computed, as canonical JSON, but for model, epochs and batch size.
        accuracy: model -> batch size -> one list a run, its validation accuracy after each epoch.
    """

    settings: str
    accuracy: Mapping[str, Mapping[int, Sequence[Sequence[float]]]]


class Gate:
    """Judges runs.

    Args:
        references: to hold them against; None for the weaker rules alone.
        level: the share of healthy runs that may be refused, of each test.
        further: references of other experiments, as those of other suites are.
    """

    def __init__(self, references: References | None, level: float, further: Sequence[References] = ()) -> None:
        self.references = references
        self._known = [*([references] if references else []), *further]
        self._level = level
        self._moments: dict[tuple[str, str, int, int], tuple[float, float, float] | None] = {}
        self._same: dict[str, References | None] = {}
        self._trivial: dict[str, tuple[float, Suite]] = {}
        self._targets: dict[tuple[str, str], float | None] = {}

    def judge(self, model: str, batch_size: int, accuracy: Mapping[str, Sequence[float]], settings: str) -> Verdict:
        """Whether a run that ended without a fault has learned.

        Args:
            model: its model.
            batch_size: its batch size.
            accuracy: ``train_loss``, ``validation_loss`` and ``validation_accuracy``, each by epoch.
            settings: its workload but for the model, as canonical JSON.
        """
        found = list(accuracy["validation_accuracy"])
        moments = self._of(model, batch_size, len(found), self._fitting(settings))
        reason = _weaker_rules(accuracy, *self._above_trivial(settings))
        if moments is None or found[-1] is None:
            return Verdict(reason, WEAKER_RULES)
        least, deviation, limit = moments
        t = (found[-1] - least) / deviation
        if t < limit and not reason:
            reason = (
                f"Its validation accuracy after epoch {len(found)} is {found[-1]:.3f}; all but "
                f"{100 * self._level:.1f} % of healthy runs reach {least + limit * deviation:.3f} (mean of the "
                f"references: {least + MARGIN:.3f})."
            )
        return Verdict(reason, REFERENCES, t, limit)

    def target(self, model: str, settings: str) -> float | None:
        """The validation accuracy to which a run's time is taken; None where there are no references of its kind.

        Args:
            model: its model.
            settings: its workload but for the model, as canonical JSON.
        """
        if (settings, model) not in self._targets:
            references = self._fitting(settings)
            curves = references.accuracy.get(model, {}) if references else {}
            self._targets[settings, model] = accuracy_targets.target(curves)
        return self._targets[settings, model]

    def _fitting(self, settings: str) -> References | None:
        """The references of the same experiment; None where there are none."""
        if settings not in self._same:
            self._same[settings] = fitting(self._known, settings)
        return self._same[settings]

    def _above_trivial(self, settings: str) -> tuple[float, Suite]:
        """The validation accuracy from which on a run is better than trivial, by more than chance, and its suite."""
        if settings not in self._trivial:
            known = json.loads(settings)
            suite = suites.of(known)
            least = least_above_trivial(known["validation_samples"], self._level, suite.trivial_accuracy)
            self._trivial[settings] = least, suite
        return self._trivial[settings]

    def _of(
        self, model: str, batch_size: int, epoch: int, references: References | None
    ) -> tuple[float, float, float] | None:
        """As ``limit_of`` gives it; None where there are no references."""
        if references is None:
            return None
        key = (references.settings, model, batch_size, epoch)
        if key not in self._moments:
            sizes = references.accuracy.get(model, {})
            groups = {size: [run[epoch - 1] for run in runs if len(run) >= epoch] for size, runs in sizes.items()}
            values = groups.get(batch_size, [])
            self._moments[key] = limit_of(values, list(groups.values()), self._level) if len(values) > 1 else None
        return self._moments[key]


def limit_of(values: Sequence[float], siblings: Sequence[Sequence[float]], level: float) -> tuple[float, float, float]:
    """What a further run is held against: the accuracy expected at least, a standard deviation, and the limit of t.

    A one-sided prediction interval for one further observation of a normal distribution: with n values of mean m and
    a standard deviation s of f degrees of freedom, (x - m) / (s sqrt(1 + 1/n)) follows Student's t with f of them
    (G. J. Hahn and W. Q. Meeker, Statistical Intervals, 1991). The deviation is pooled over the model's batch sizes,
    since that of eight runs alone is too rough; and as in a test of non-inferiority, what counts is to be lower than
    the mean by more than MARGIN.

    Args:
        values: accuracies of the cell's references after one epoch.
        siblings: those of each of the model's batch sizes, this one among them.
        level: the share of further values of just this mean less MARGIN that lies below the limit.
    """
    from scipy import special  # half as long to import as pandas, and page and figures need none of it

    freedom = sum(len(group) - 1 for group in siblings)
    squares = math.fsum((value - math.fsum(group) / len(group)) ** 2 for group in siblings for value in group)
    deviation = math.sqrt(squares / freedom * (1 + 1 / len(values)))
    limit = float(special.stdtrit(freedom, level))
    return math.fsum(values) / len(values) - MARGIN, max(deviation, 1e-9), limit


def least_above_trivial(samples: int, level: float, trivial: float) -> float:
    """The lowest accuracy on so many samples that a classifier of a trivial one reaches in ``level`` of all cases.

    A one-sided exact binomial test; 1 where the samples are too few to tell anything.
    """
    from scipy import special  # half as long to import as pandas, and page and figures need none of it

    right = next((k for k in range(samples + 1) if special.bdtrc(k - 1, samples, trivial) <= level), samples)
    return right / samples


def _weaker_rules(accuracy: Mapping[str, Sequence[float]], least: float, suite: Suite) -> str:
    """What can be said without references: a loss that rises away, and an accuracy that is no better than trivial.

    Args:
        accuracy: ``train_loss``, ``validation_loss`` and ``validation_accuracy``, each by epoch.
        least: validation accuracy of a run that learned.
        suite: that its model is of.
    """
    train, validation, found = (accuracy[k] for k in ("train_loss", "validation_loss", "validation_accuracy"))
    guess = math.log(suite.data.classes)
    if validation[-1] is None or validation[-1] >= guess:
        shown = "not a number" if validation[-1] is None else f"{validation[-1]:.3f}"
        return f"Its validation loss after epoch {len(validation)} is {shown}; guessing gives {guess:.3f}."
    if found[-1] is None or found[-1] < least:
        shown = "not a number" if found[-1] is None else f"{found[-1]:.3f}"
        return (
            f"Its validation accuracy after epoch {len(found)} is {shown}; a rule with one threshold on one pixel "
            f"reaches up to {suite.trivial_accuracy:.3f}, and with luck {least:.3f}."
        )
    if train[-1] > train[0]:
        return f"Its training loss rose from {train[0]:.3f} in the first epoch to {train[-1]:.3f} in the last."
    return ""


def fitting(references: Sequence[References], settings: str) -> References | None:
    """The references of an experiment, given as canonical JSON; None where there are none."""
    computed = without_epochs(settings)
    return next((each for each in references if each.settings == computed), None)


def without_epochs(settings: str) -> str:
    """Settings of an experiment but for the number of its epochs, both as canonical JSON."""
    return workloads.canonical_json({key: value for key, value in json.loads(settings).items() if key != "epochs"})


def load(path: Path) -> References:
    """The references that ``write_references`` wrote."""
    data = yaml_file.read(path)
    return References(workloads.canonical_json(data["settings"]), data["accuracy"])


def text(made: Mapping[str, Any], settings: Mapping[str, Any], accuracy: Mapping[str, Any]) -> str:
    """The text of a file of references.

    Args:
        made: how they were made, for the reader.
        settings: what was computed, but for model, epochs and batch size.
        accuracy: model -> batch size -> runs -> validation accuracy by epoch.
    """
    lines = [
        "# Validation accuracy after each epoch, of runs that learned; one line a run. Made by: make references",
        "",
    ]
    lines += [
        yaml.safe_dump({"made": dict(made), "settings": dict(settings)}, sort_keys=False).rstrip(),
        "",
        "accuracy:",
    ]
    for model, sizes in accuracy.items():
        lines.append(f"  {model}:")
        for size, runs in sizes.items():
            lines.append(f"    {size}:")
            lines += [f"      - [{', '.join(f'{value:.4f}' for value in run)}]" for run in runs]
    return "\n".join(lines) + "\n"
