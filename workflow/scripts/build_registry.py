"""Check the archives of a registry of results, and draw the page of those that can be used."""

import argparse
import sys
from pathlib import Path

from trainmark import errors, files, terminal
from trainmark.experiment import grid
from trainmark.ingest import catalogue, registry, registry_summary
from trainmark.planning import project_copy, registry_config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="the registry as it was published; what differs is new")
    parser.add_argument("--summary", type=Path, required=True, help="output: what was taken and refused, as Markdown")
    parser.add_argument("--page", type=Path, required=True, help="output: folder of the page; replaced as a whole")
    parser.add_argument("registry", type=Path, help=f"a folder with {registry.ARCHIVES}/ in it")
    args = parser.parse_args()
    project = Path()
    # A pull request does not choose what it is held against.
    config = registry_config.read(args.before or args.registry, project)
    options = (project / "workflow/schemas", config.settings, catalogue.load(config.hardware))
    with project_copy.made(project) as copy:
        target = registry.Registry(copy / grid.MACHINES, *options)
        checked = registry.Registry(copy / "checked/machines", *options) if args.before else target
        outcomes = registry.judge(checked, args.registry, args.before)
        if args.before:
            outcomes = registry.fill(target, outcomes, args.before)
        removed = registry.removed(args.registry, args.before)
        files.write_whole(args.summary, registry_summary.text(outcomes, removed))
        terminal.say(*registry_summary.lines(outcomes, removed))
        if target.empty:
            raise errors.TrainmarkError(f"No archive of {args.registry} can be used, so there is no page to draw.")
        terminal.say("trainmark: drawing the page; this trains nothing and takes half a minute or more.")
        project_copy.draw(copy, sys.executable, config.given)
        project_copy.keep_report(copy, args.page)
    terminal.say(f"trainmark: the page is {args.page}/index.html, the list of the archives {args.summary}.")
    sys.exit(1 if any(each.new and not each.taken for each in outcomes) else 0)


if __name__ == "__main__":
    with errors.explained(), errors.terminable():
        main()
