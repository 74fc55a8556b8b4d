"""Examine one stack for the doctor, in the stack's own environment."""

import argparse
import json
import sys
from pathlib import Path

from trainmark import errors, files
from trainmark.doctor import stack_check
from trainmark.machine import gpus
from trainmark.measure import worker_process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", action="store_true", help="examine what stdin says; for this script's own use")
    parser.add_argument("--plan", type=json.loads, help="what this call is about, as JSON")
    parser.add_argument("--lock-file", type=Path, help="the file that pins this environment")
    parser.add_argument("--interpreter", nargs=2, help="prefix and version of the Python that this has to run on")
    parser.add_argument("--workflow-pid", type=int, help="stop when this process is gone")
    parser.add_argument("output", type=Path, nargs="?", help="STACK.json, to be written")
    args = parser.parse_args()
    if args.child:
        worker_process.serve("device_check", "examine")
    what = {key: args.plan[key] for key in ("devices", "workloads", "batch_size", "threads")}
    where = {"lock_file": args.lock_file, "workflow_pid": args.workflow_pid, "interpreter": args.interpreter}
    request = stack_check.Request(args.output.stem, **what, **where, gpu=gpus.choose(args.plan["gpu"]))
    watch = [sys.executable, str(Path(__file__).with_name("watch_meters.py")), args.plan["gpu"]]
    found = stack_check.examine(request, [sys.executable, __file__, "--child"], watch)
    files.write_whole(args.output, json.dumps(found))


if __name__ == "__main__":
    with errors.explained():
        main()
