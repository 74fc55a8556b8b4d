"""Sweep matrix products on one device: the most arithmetic that a framework gets out of it."""

import argparse
import sys
from pathlib import Path

from trainmark import errors, terminal
from trainmark.install import lockfile
from trainmark.machine import gpus
from trainmark.measure import matmul_sweep, node_check, worker_process
from trainmark.records import supersession


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", action="store_true", help="sweep as stdin says; for this script's own use")
    parser.add_argument("--threads", type=lambda text: None if text == "auto" else int(text), help="a number or auto")
    parser.add_argument("--lock-file", type=Path, help="the file that pins this environment")
    parser.add_argument("--gpu", default=gpus.AUTO, help="which GPU is timed, as in the configuration")
    parser.add_argument("--workflow-pid", type=int, help="stop when this process is gone")
    parser.add_argument("--interpreter", nargs=2, help="prefix and version of the Python that this has to run on")
    parser.add_argument("--superseded", type=Path, default=supersession.folder(), help="keeps what is replaced")
    parser.add_argument("--node", type=node_check.expectation, help="the node of a fleet that this has to be, as JSON")
    parser.add_argument("output", type=Path, nargs="?", help="results/machines/.../DEVICE.json, to be written")
    args = parser.parse_args()
    if args.child:
        worker_process.serve("matmul", "sweep")
    if args.interpreter:
        lockfile.refuse_other_interpreter(*args.interpreter)
    gpu = gpus.choose(args.gpu)
    node_check.refuse_other_node(args.node, gpu, True, args.threads)
    request = matmul_sweep.Request(args.output, args.threads, args.lock_file, args.workflow_pid, gpu, args.superseded)
    terminal.say(matmul_sweep.line(matmul_sweep.supervise(request, [sys.executable, __file__, "--child"])))


if __name__ == "__main__":
    with errors.explained():
        main()
