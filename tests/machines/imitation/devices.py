"""GPUs at TensorFlow's boundary: what it lists, describes and says of where it computes. It computes on the CPU.

On a Mac the GPU is tensorflow-metal's, which has one, gives it no name but METAL, and tells nothing of its memory.
"""

import os
import types
from collections.abc import Callable

from . import gpus

# Kinds of operations that TensorFlow keeps on the host.
_HOST = ("Iterator", "Dataset", "Optional", "Assert", "Print")
_GPU = "/job:localhost/replica:0/task:0/device:GPU:0"


def actions(machine: dict) -> dict[str, Callable[[types.ModuleType], None]]:
    """What is done to which of TensorFlow's modules."""
    if machine["metal"]:
        devices = [{"name": "METAL"}]
    elif machine["gpus"]:
        devices = gpus.cuda_devices(machine, os.environ)
    else:
        return {}
    found = {
        "tensorflow.python.eager.context": lambda module: _list(module, devices),
        "tensorflow.python.client.device_lib": lambda module: _describe(module, devices),
        "tensorflow.python.framework.ops": lambda module: _place(module.EagerTensor),
        "tensorflow.python.ops.resource_variable_ops": lambda module: _place(module.BaseResourceVariable),
    }
    if machine["tensorflow_build"]:
        found["tensorflow.python.platform.build_info"] = lambda module: _build(module, machine["tensorflow_build"])
    return found


def _list(context: types.ModuleType, devices: list[dict]) -> None:
    """Let TensorFlow list the GPUs and their details, and tell where it has computed."""
    native = context.pywrap_tfe
    listed, details, memory = native.TF_ListPhysicalDevices, native.TF_GetDeviceDetails, native.TFE_GetMemoryInfo

    def list_devices() -> list[bytes]:
        return [*listed(), *(f"/physical_device:GPU:{number}".encode() for number in range(len(devices)))]

    def get_details(index: int) -> dict[str, str]:
        known = len(listed())
        return details(index) if index < known else _details(devices[index - known])

    def get_memory(handle: object, name: str) -> dict[str, int]:
        if "GPU" not in name or not computes_on_gpu():
            return memory(handle, name)
        if "memory_mib" not in devices[0]:
            raise ValueError(f"Allocator stats not available for device '{_GPU}'")
        return {"current": 20 * 2**20, "peak": 45 * 2**20}

    native.TF_ListPhysicalDevices, native.TF_GetDeviceDetails = list_devices, get_details
    native.TFE_GetMemoryInfo = get_memory
    export = context.Context.export_run_metadata

    def export_run_metadata(self: object) -> object:
        found = export(self)
        for graph in found.partition_graphs if computes_on_gpu() else ():
            nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
            for node in nodes:
                if not node.op.startswith(_HOST):
                    node.device = node.device.replace("CPU:0", "GPU:0")
        return found

    context.Context.export_run_metadata = export_run_metadata


def computes_on_gpu() -> bool:
    """Whether TensorFlow would place operations on a GPU: it sees one."""
    from tensorflow.python.eager import context

    return bool(context.context().get_visible_devices("GPU"))


def _place(kind: type) -> None:
    """Let tensors or variables be on the GPU."""
    real = kind.device

    def device(self: object) -> str:
        found = real.__get__(self)
        return found.replace("CPU:0", "GPU:0") if computes_on_gpu() else found

    kind.device = property(device)


def _details(device: dict) -> dict[str, str]:
    found = {"device_name": device["name"]}
    return found | ({"compute_capability": device["compute_capability"]} if "compute_capability" in device else {})


def _describe(device_lib: types.ModuleType, devices: list[dict]) -> None:
    """Let TensorFlow's older listing have the GPUs, too."""
    listed = device_lib.list_local_devices

    def list_local_devices(session_config: object = None) -> list:
        found = listed(session_config)
        for number, device in enumerate(devices):
            entry = type(found[0])(name=f"/device:GPU:{number}", device_type="GPU")
            entry.memory_limit = int(device.get("memory_mib", 0) * 0.9) * 2**20
            bus = gpus.short_bus_id(device["bus_id"]) if "bus_id" in device else "<undefined>"
            entry.physical_device_desc = f"device: {number}, name: {device['name']}, pci bus id: {bus}"
            if "compute_capability" in device:
                entry.physical_device_desc += f", compute capability: {device['compute_capability']}"
            found.append(entry)
        return found

    device_lib.list_local_devices = list_local_devices


def _build(build_info: types.ModuleType, build: dict) -> None:
    """Let TensorFlow say that it was built for CUDA."""
    build_info.build_info.update(build)
