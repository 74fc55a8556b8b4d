"""Keep what was measured as an earlier session, so that the next command measures the same again."""

import argparse
import datetime
from pathlib import Path

from trainmark import errors, terminal
from trainmark.experiment import grid
from trainmark.machine import gpus, hardware
from trainmark.planning import ssh_machines, strict_yaml
from trainmark.records import sessions

# Its records lie there, and what is here is a copy: moved here alone, nothing would be measured again.
ELSEWHERE = (
    "trainmark: {0}: its session begins where it is measured: ssh {1}, and 'make again' in the folder of its copy; the "
    "next 'make fleet' measures it again and brings both sessions here"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machine", help="default: this one, by its name in config/config.yaml")
    parser.add_argument("--fleet", type=Path, help="a configuration, all machines of whose fleet are meant")
    parser.add_argument("--new", action="store_true", help="also where the last session is younger than a day")
    args = parser.parse_args()
    config = strict_yaml.read("config/config.yaml").values
    if args.fleet:
        fleet = strict_yaml.read(str(args.fleet)).values.get("fleet") or {}
        by_ssh = ssh_machines.named(fleet)
        names = [name for name in fleet if name not in by_ssh]
        terminal.say(*(ELSEWHERE.format(name, fleet[name]["ssh"]) for name in by_ssh))
    else:
        gpu = gpus.choose(config.get("gpu", "auto"))
        named = args.machine or config.get("machine", "auto")
        names = [hardware.automatic_name(gpu) if named == "auto" else named]
        what = hardware.difference(path := grid.MACHINES / names[0] / "machine.json", gpu)
        if what:
            raise errors.TrainmarkError(
                f"{path} describes another computer (its {what} is another). Nothing was moved."
            )
    now = datetime.datetime.now(datetime.timezone.utc)
    terminal.say(*(f"trainmark: {sessions.begin(name, grid.MACHINES, now, args.new)}" for name in names))


if __name__ == "__main__":
    with errors.explained(), errors.terminable():
        main()
