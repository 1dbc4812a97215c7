"""Files that are written whole, or not at all."""

import os
from pathlib import Path


def temporary_beside(path: Path) -> Path:
    """Return where a file is made before it takes its name: in the same folder, and by this process alone."""
    return path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")  # a longer name may be as long as one may be


def write_whole(path: Path, text: str) -> None:
    """Make a file hold a text. A reader never meets half of it, and on a full disk (OSError) what was there stays."""
    temporary = temporary_beside(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
