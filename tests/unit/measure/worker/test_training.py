"""Tests of trainmark.measure.worker.training that need no training; the real ones are in test_supervision."""

import math

from trainmark.measure.worker import training

OK = {"train_loss": [0.5], "validation_loss": [0.4], "test_loss": 0.4}


def test_loss_decides():
    assert training._judge(OK) == {"status": "ok", "reason": None}
    wrong = training._judge({**OK, "train_loss": [0.5, math.nan]})
    assert wrong == {"status": "nan", "reason": "The train loss is nan in epoch 2."}
    assert training._judge({**OK, "test_loss": math.inf})["status"] == "nan"
