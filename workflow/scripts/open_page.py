"""Open the page that the last report drew."""

import argparse
from pathlib import Path

from trainmark import desktop, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    args = parser.parse_args()
    if not args.page.exists():
        raise errors.TrainmarkError(
            f"There is no page yet: {args.page} is drawn by 'make run' or 'make report'. 'make demo' shows one of the "
            "shipped records."
        )
    desktop.show(args.page)


if __name__ == "__main__":
    with errors.explained():
        main()
