"""The columns of runs.csv, one row a run: units are in their names, and empty is what a run has no value for."""

from __future__ import annotations

from trainmark.contents.columns import Column

SERIES = (Column("machine", "Machine"), Column("stack", "Stack"), Column("device", "Device"))
CELL = (*SERIES, Column("model", "Model"), Column("batch_size", "Batch size", "size"))


def _text(key: str, part: str, heading: str = "", kind: str = "text") -> Column:
    return Column(key, heading, kind, record=f"{part}.{key}" if part else key)


def _number(key: str, part: str, heading: str = "", kind: str = "number") -> Column:
    return _text(key, part, heading, kind)


_VERSIONS = (
    "python",
    "framework",
    "framework_version",
    "keras",
    "numpy",
    "cuda",
    "cudnn",
    "plugin",
    "operating_system",
)
# What a record holds, and where.
RECORDED = (
    *(Column(column.key, column.heading, column.kind, record=column.key) for column in CELL),
    _number("repeat", "", "Repeat", "integer"),
    _text("status", "", "Status"),
    _text("reason", "", "Reason", "long"),
    _number("fit_seconds", "durations", "Time (s)", "seconds"),
    _number("test_accuracy", "accuracy"),
    _number("test_loss", "accuracy"),
    *(
        _number(f"{part}_seconds", "durations")
        for part in ("first_epoch", "steady_state_epoch", "fit_setup", "fit_teardown", "data", "build", "evaluate")
    ),
    _number("parameters", "execution"),
    _number("seed", ""),
    _text("started_at", ""),
    _text("ended_at", ""),
    _text("floatx", "execution"),
    _text("image_data_format", "execution"),
    _number("intra_op_threads", "execution"),
    _number("inter_op_threads", "execution"),
    _text("optimizer_class", "execution"),
    _text("jit_compile", "execution", kind="flag"),
    _text("always_compiled", "execution", kind="flag"),
    *(_text(name, "versions") for name in _VERSIONS),
    _text("gpu_driver", "versions"),
    _number("load_average_before", "noise"),
    *(
        _number(f"fit_{part}_seconds", "noise")
        for part in ("cpu", "other_cpu", "steal", "cpu_pressure", "memory_pressure", "io_pressure")
    ),
    _number("fit_throttle_events", "noise"),
    _text("power_source", "noise"),
    _text("low_power_mode", "noise", kind="flag"),
    _text("thermal_pressure", "noise"),
    *(_number(f"{part}_seconds", "noise") for part in ("suspended", "clock_jump", "cool_down")),
    *(_number(f"gpu_{part}", "noise") for part in ("processes_before", "temperature_celsius", "clock_hertz")),
    Column("energy_joules", kind="number", record="energy.joules"),
    Column("energy_above_idle_joules", kind="number", record="energy.joules_above_idle"),
    Column("energy_reason", record="energy.reason"),
    Column("energy_idle_reason", record="energy.idle_reason"),
    _number("peak_memory_bytes", ""),
    _number("peak_device_memory_bytes", ""),
    Column("code_version", record="code.version"),
    Column("code_commit", record="code.commit"),
    _text("lock_file", "environment"),
    _text("lock_sha256", "environment"),
    _number("protocol", ""),
    _text("control", "", "Control"),
    _text("machine_id_hash", "identity"),
    _text("hardware", "identity"),
    _text("workload_digest", ""),
)
# What follows from a record.
DERIVED = (
    Column("settings_digest"),
    Column("epochs", kind="integer"),
    Column("train_samples", kind="integer"),
    Column("throughput_samples_per_second", kind="number"),
    Column("flops_per_second", kind="number"),
    Column("variable_devices"),
    Column("gpu_throttle_shares"),
    Column("energy_scope"),
    Column("gpu"),
    Column("gpu_id"),
    Column("tensor_float_32", kind="flag"),
    Column("optimizer_operations"),
    Column("unexplained_seconds", kind="number"),
)
# Of a run that ended without a fault: its validation accuracy after each epoch, as JSON, what the gate says of it, and
# when it first reached the accuracy that is timed.
LEARNED = (
    Column("validation_accuracy_by_epoch"),
    Column("gate"),
    Column("gate_t", kind="number"),
    Column("gate_limit", kind="number"),
    Column("target_accuracy", kind="accuracy"),
    Column("epochs_to_target", kind="integer"),
    Column("seconds_to_target", kind="seconds"),
)
RUN = (*RECORDED, *DERIVED, *LEARNED)
