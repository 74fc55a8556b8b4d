"""Tests of trainmark.planning.config, and of the configurations that come with the project."""

import math

import pytest
import yaml
from trainmark.errors import TrainmarkError
from trainmark.ingest import yaml_file
from trainmark.machine import gpus
from trainmark.planning import config as configuration

from tests.conftest import ROOT

SCHEMA = yaml_file.read(ROOT / "workflow/schemas/config.schema.yaml")
TEXT = (ROOT / "config/config.yaml").read_text()
DEFAULT = yaml.safe_load(TEXT)
CPU_ONLY = configuration.Surroundings(False, ("tf-2.19",), (), "linux-64")
WITH_GPU = configuration.Surroundings(
    True, ("tf-2.19",), (gpus.Gpu("Synthetic GPU", uuid="GPU-1", index=0),), "linux-64-cuda"
)


def check(changes: dict, here=CPU_ONLY, overlay: str = "") -> None:
    layers = [configuration.Layer("config/config.yaml", TEXT, DEFAULT)]
    if overlay:
        layers.append(configuration.Layer("mine.yaml", overlay, yaml.safe_load(overlay)))
    elif changes:
        layers.append(configuration.Layer("--config on the command line", None, changes))
    configuration.check({**DEFAULT, **changes}, SCHEMA, layers, here)


def message_of(changes: dict, **options) -> str:
    with pytest.raises(TrainmarkError) as caught:
        check(changes, **options)
    return str(caught.value)


def test_default_is_the_articles_experiment():
    check({})
    assert DEFAULT["models"] == ["mlp", "cnn", "lstm"]
    assert DEFAULT["batch_sizes"] == [32, 128, 512, 1024]
    assert (DEFAULT["epochs"], DEFAULT["repeats"]) == (5, 3)


def test_quick_overlays_the_default():
    quick = yaml_file.read(ROOT / "config/quick.yaml")
    assert quick == {"epochs": 1, "repeats": 1}
    check(quick)


@pytest.mark.parametrize("name", ["config/config.yaml", "config/quick.yaml"])
def test_every_key_has_a_comment_above_it(name):
    lines = (ROOT / name).read_text().splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith(("#", " ")):
            assert lines[number - 1].startswith("#"), line


def test_every_key_is_in_the_readme():
    readme = (ROOT / "config/README.md").read_text()
    for key, schema in SCHEMA["properties"].items():
        assert f"`{key}`" in readme, key
        assert schema["description"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"models": ["mlp", "resnet"]}, 'models[1] is "resnet"; expected one of mlp, cnn, lstm.'),
        ({"models": "mlp"}, 'models is "mlp"; expected a list'),
        ({"batch_sizes": [32, 0]}, "batch_sizes[1] is 0; expected a whole number from 1 to 60000."),
        ({"batch_sizes": [32, 32]}, "expected a list without duplicates"),
        ({"batch_size": [32]}, "unknown key 'batch_size' (value [32]): did you mean 'batch_sizes'?"),
        ({"devices": ["gpu"]}, "No GPU was found"),
        ({"devices": "gpu"}, 'expected "auto" or a list'),
        ({"devices": ["tpu"]}, 'devices[0] is "tpu"; expected one of cpu, gpu.'),
        ({"stacks": ["tf-3"]}, 'stacks[0] is "tf-3"; expected one of jax-0.11, tf-2.12, tf-2.19, torch-2.7,'),
        ({"stacks": ["torch-2.9.1-unpinned"]}, 'stacks[0] is "torch-2.9.1-unpinned"; expected one of jax-0.11,'),
        ({"stacks": ["tf-2.19", "installed"]}, 'stacks[1] is "installed"; expected a pinned stack: beside Snakemake'),
        ({"machine": "My Mac"}, "lower-case letters"),
        ({"epochs": True}, "epochs is true; expected a whole number"),
        ({"learning_rate": 0}, "expected a number from 1e-12 to 1e+38"),
        ({"train_samples": 60000}, "at most 60000 together with"),
        ({"comparisons": [{"name": "x", "candidate": {}, "baseline": {}}]}, "a candidate that is not the baseline"),
        ({"comparisons": [{"name": "x", "candidate": {"machin": "a"}, "baseline": {}}]}, "did you mean 'machine'?"),
        ({"on_bad_record": "ignore"}, "expected one of stop, skip"),
        ({"threads": 0}, '"auto" or a whole number from 1 to 1024'),
        ({"epochs": 1.0}, "epochs is 1.0; expected a whole number from 1 to 1000."),
        ({"threads": 2.0}, 'threads is 2.0; expected "auto" or a whole number'),
        ({"seed": 2023.0}, "seed is 2023.0; expected a whole number"),
        ({"repeats": 3.0}, 'repeats is 3.0; expected "auto" or a whole number'),
        ({"batch_sizes": [32.0]}, "batch_sizes[0] is 32.0; expected a whole number"),
        ({"learning_rate": math.nan}, "learning_rate is NaN; expected a number"),
        ({"learning_rate": math.inf}, "learning_rate is Infinity; expected a number"),
        ({"learning_rate": 5e-324}, "learning_rate is 5e-324; expected a number from 1e-12 to 1e+38"),
        ({"convergence_level": math.nan}, "convergence_level is NaN"),
        ({"data_folder": "a{x}b"}, 'data_folder is "a{x}b"; expected a text without { and }, which Snakemake takes'),
        ({"references": "{x}.yaml"}, "references is"),
        ({"claims": ["config/{x}.yaml"]}, "claims[0] is"),
        ({"comparisons": [{"name": "{x}", "candidate": {"machine": "a"}, "baseline": {}}]}, "comparisons[0].name is"),
        ({"comparisons": [{"name": "x", "candidate": {"machine": "{a}"}, "baseline": {}}]}, ".candidate.machine is"),
        ({"data_folder": "a\0b"}, "expected a text on one line, of characters that can be printed"),
        ({"data_folder": "a\nb"}, "expected a text on one line"),
        ({"data_folder": "x" * 5000}, "expected a text"),
        ({"baseline": "x" * 100_000}, "expected a text"),
    ],
)
def test_problem_is_named_with_value_and_expectation(changes, expected):
    message = message_of(changes)
    assert "1 problem" in message
    assert expected in message
    assert len(message) < 1000


def test_all_problems_at_once_each_with_file_and_line():
    overlay = "epoch: 3\nbatch_sizes:\n  - 32\n  - 0\n  - two\nmodels: cnn\n"
    message = message_of(yaml.safe_load(overlay), overlay=overlay)
    assert "4 problems" in message
    for line in (
        "mine.yaml, line 1: unknown key 'epoch'",
        "line 4: batch_sizes[1]",
        "line 5: batch_sizes[2]",
        "line 6",
    ):
        assert line in message


def test_value_is_looked_for_where_it_was_set_last():
    overlay = "validation_samples: 20000\n"
    assert "mine.yaml, line 1: validation_samples is 20000" in message_of(
        {"validation_samples": 20000}, overlay=overlay
    )


def test_missing_key_is_named():
    config = {key: value for key, value in DEFAULT.items() if key not in ("epochs", "seed")}
    with pytest.raises(TrainmarkError) as caught:
        configuration.check(config, SCHEMA, [configuration.Layer("c.yaml", "", config)], CPU_ONLY)
    assert "2 problems" in str(caught.value)
    assert "in no file: epochs is missing; expected a whole number" in str(caught.value)


def test_command_line_values_get_their_types():
    values = {"batch_sizes": ["32", "128"], "models": ["mlp"], "data_download": "false", "epochs": 3, "machine": "m"}
    typed = configuration.typed_values(values)
    assert typed == {"batch_sizes": [32, 128], "models": ["mlp"], "data_download": False, "epochs": 3, "machine": "m"}


def test_what_is_used_is_what_was_checked():
    """A number that may have a fraction is a float, as in the digest that a reader of the record computes."""
    used = configuration.check({**DEFAULT, "learning_rate": 1}, SCHEMA, [], CPU_ONLY)
    assert repr(used["learning_rate"]) == "1.0"
    assert used == {**DEFAULT, "learning_rate": 1.0}


def test_numbers_of_the_command_line_are_written_as_people_do():
    values = {"batch_sizes": ["017", "0x10", "1_000", "32.0", "1:30", "8"]}
    assert configuration.typed_values(values) == {"batch_sizes": ["017", "0x10", "1_000", 32.0, "1:30", 8]}


def test_what_is_installed_can_be_timed_whatever_its_version():
    names = ("jax-0.10.2-unpinned", "torch-2.9.1-unpinned")
    prepared = configuration.Surroundings(False, (), (), "linux-64-cuda", unpinned=names)
    for named in (["installed"], list(names), [names[0], "installed"]):
        check({"stacks": named}, here=prepared)
    check({"devices": ["gpu"], "stacks": ["tf-2.12", "tf-2.19"]}, here=WITH_GPU)
    message = message_of({"stacks": ["installed"]}, here=WITH_GPU)
    assert "with --use-conda, nothing is timed that is installed beside Snakemake" in message


@pytest.mark.parametrize(
    ("value", "here", "accepted"),
    [
        ("auto", CPU_ONLY, True),
        (0, WITH_GPU, True),
        ("GPU-1", WITH_GPU, True),
        (1, WITH_GPU, False),
        (0, CPU_ONLY, False),
        ("GPU-2", WITH_GPU, False),
        (True, WITH_GPU, False),
        (-1, WITH_GPU, False),
        ("first", WITH_GPU, False),
    ],
)
def test_gpu_is_one_that_is_there(value, here, accepted):
    if accepted:
        check({"gpu": value}, here=here)
    else:
        assert "gpu is" in message_of({"gpu": value}, here=here)
