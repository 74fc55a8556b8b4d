"""Tests of trainmark.report.sections.first_screen: the sentence, on invented winners."""

import pandas as pd
import pytest
from trainmark.report.sections import first_screen


def winners(**by_cell) -> pd.DataFrame:
    """fastest.csv, of cells like ``mlp_32`` and the machines that are fastest in them."""
    return pd.DataFrame(
        [
            {"model": cell.split("_")[0], "batch_size": int(cell.split("_")[1]), "machine": machine}
            for cell, machine in by_cell.items()
        ],
        columns=["model", "batch_size", "machine"],
    ).assign(device="gpu", stack="tf-2.19")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"mlp_32": "a", "mlp_512": "a"}, "a, GPU is fastest in all 2 combinations of model and batch size."),
        (
            {"mlp_32": "a", "mlp_512": "b", "mlp_1024": "b", "cnn_32": "a", "cnn_512": "b", "cnn_1024": "b"},
            "b, GPU is fastest at batch sizes 512 and 1024, a, GPU at batch size 32.",
        ),
        (
            {"mlp_32": "pc-with-gpu", "mlp_512": "pc-with-gpu", "cnn_32": "b", "cnn_512": "b"},
            "pc-with-gpu, GPU is fastest with mlp, b, GPU with cnn.",
        ),
        (
            {"mlp_32": "a", "mlp_512": "a", "cnn_32": "b", "cnn_512": "a"},
            "None is fastest throughout. Of 4 combinations of model and batch size, the fastest is a, GPU in 3, "
            "b, GPU in 1.",
        ),
        ({}, "No model and batch size was measured on two comparable sides, so there is nothing to compare."),
    ],
    ids=["everywhere", "by batch size", "by model", "crossing", "nothing"],
)
def test_sentence_is_true_of_every_cell(cells, said):
    assert first_screen.fastest(winners(**cells), stacks=False) == said


def test_stack_is_named_where_there_are_several():
    assert "a, GPU, tf-2.19 is fastest" in first_screen.fastest(winners(mlp_32="a"), stacks=True)
