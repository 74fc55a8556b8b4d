"""Files of this project's own in YAML: schemas, references, claims and published figures of hardware."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# The C parser is eight times as fast; wheels of PyYAML have it, other builds may not.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path) -> dict[str, Any]:
    """What a file holds, of plain types alone; planning has checked what users may have changed."""
    found: dict[str, Any] = yaml.load(path.read_text(), Loader=_LOADER)
    return found
