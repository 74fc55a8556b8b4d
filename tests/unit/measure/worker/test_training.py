"""Tests of trainmark.measure.worker.training that need no training; the real ones are in test_supervision."""

import math
import types

from trainmark.measure.worker import training

CALLBACKS = types.SimpleNamespace(callbacks=types.SimpleNamespace(Callback=object))
OK = {"train_loss": [0.5], "validation_loss": [0.4], "test_loss": 0.4}


def test_loss_decides():
    assert training._judge(OK) == {"status": "ok", "reason": None}
    wrong = training._judge({**OK, "train_loss": [0.5, math.nan]})
    assert wrong == {"status": "nan", "reason": "The train loss is nan in epoch 2."}
    assert training._judge({**OK, "test_loss": math.inf})["status"] == "nan"


def test_training_of_an_epoch_ends_when_the_device_is_done(monkeypatch):
    """What a device has left to do belongs to what was asked of it, the training or the validation."""
    now, behind = [0.0], [0.0]

    def wait(model):
        now[0] += behind[0]
        behind[0] = 0.0

    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])
    clock = training._epoch_clock(types.SimpleNamespace(keras=CALLBACKS, wait=wait))
    clock.model = None
    clock.on_epoch_begin(0)
    now[0], behind[0] = 1.0, 2.0
    clock.on_test_begin()
    now[0], behind[0] = 3.5, 0.25
    clock.on_test_end()
    clock.on_epoch_end(0)
    assert clock.validation_seconds == [0.75]
    assert clock.epoch_seconds == [3.75]
