"""Check, line by line, whether measurements on this machine will count, and write files to show to others."""

import argparse
import json
import sys
from pathlib import Path

from trainmark import errors, terminal
from trainmark.doctor import anonymity, diagnosis, report_files
from trainmark.measure import provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", type=json.loads, required=True, help="what this call is about, as JSON")
    parser.add_argument("parts", type=Path, nargs="*", help="what examine_stack.py found of each stack that is there")
    args = parser.parse_args()
    parts = [json.loads(path.read_text()) for path in args.parts]
    findings, facts = [], {"code": provenance.code()}
    for finding in diagnosis.diagnose(args.plan, parts, facts):
        findings.append(finding)
        terminal.say(*report_files.lines(finding, sys.stdout.encoding))
    secrets = anonymity.secrets() | {args.plan["data_folder"]: "<data folder>"}
    title = f"trainmark {facts['code']['version']} on {args.plan['machine']}, {provenance.now()}"
    written = report_files.write(args.plan["machine"], title, findings, facts, secrets)
    where = f"To show to others, without names and folders: {' and '.join(map(str, written))}"
    terminal.say(f"{report_files.summary(findings)}. {where}")
    if any(finding.verdict == report_files.WRONG for finding in findings):
        raise errors.TrainmarkError("what is wrong has to be mended before this machine is timed; see above")


if __name__ == "__main__":
    with errors.explained():
        main()
