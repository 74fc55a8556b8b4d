"""Time one training: one fresh process, one record."""

import argparse
import json
import sys
import time
from pathlib import Path

from trainmark import errors, terminal
from trainmark.experiment import grid
from trainmark.install import lockfile
from trainmark.machine import gpus
from trainmark.measure import node_check, progress, supervision, worker_process
from trainmark.records import supersession


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", action="store_true", help="train what stdin says; for this script's own use")
    parser.add_argument("--workload", type=json.loads, help="what to compute, as JSON")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=lambda text: None if text == "auto" else int(text), help="a number or auto")
    for option, default in (("--time-limit", None), ("--idle", 0.0), ("--cool-down", 0.0)):
        parser.add_argument(option, type=float, default=default, help="seconds, as in the configuration")
    parser.add_argument("--gpu", default=gpus.AUTO, help="which GPU is timed, as in the configuration")
    parser.add_argument("--data", type=Path, help="folder of the decoded data set")
    parser.add_argument("--lock-file", type=Path, help="the file that pins this environment")
    parser.add_argument("--workflow-pid", type=int, help="stop when this process is gone")
    parser.add_argument("--session", type=Path, help="the plan of the runs to do, for the progress line")
    parser.add_argument("--log", type=Path, help="where stderr goes; its end is kept when the training fails")
    parser.add_argument("--interpreter", nargs=2, help="prefix and version of the Python that this has to run on")
    parser.add_argument("--superseded", type=Path, default=supersession.folder(), help="keeps what is replaced")
    parser.add_argument("--node", type=node_check.expectation, help="the node of a fleet that this has to be, as JSON")
    parser.add_argument("record", type=Path, nargs="?", help="results/machines/.../REPEAT.json, to be written")
    args = parser.parse_args()
    if args.child:
        worker_process.serve()
    if args.interpreter:
        lockfile.refuse_other_interpreter(*args.interpreter)
    what = {"workload": args.workload, "seed": args.seed, "threads": args.threads, "workflow_pid": args.workflow_pid}
    when = {"time_limit_seconds": args.time_limit, "idle_seconds": args.idle, "cool_down_seconds": args.cool_down}
    where = {"data_folder": args.data, "lock_file": args.lock_file, "superseded": args.superseded, "node": args.node}
    run, session = grid.run_from_path(args.record), progress.load_session(args.session, args.record)
    request = supervision.Request(run, **what, **when, **where, gpu=gpus.choose(args.gpu), session=session)
    watch = [sys.executable, str(Path(__file__).with_name("watch_meters.py")), args.gpu]
    terminal.hold(progress.bar(run, session, time.time()))
    record = supervision.supervise(request, [sys.executable, __file__, "--child"], watch, args.log)
    terminal.say(progress.run_line(record, session, bool(args.node)))


if __name__ == "__main__":
    with errors.explained():
        main()
