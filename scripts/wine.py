"""
A real data set with a story: 178 Italian wines, 13 measurements each, sorted by grape variety and cut in half.

`python scripts/wine.py FOLDER` writes reference.csv, current.csv and the config.json that compares them.
"""

import json
import sys
from pathlib import Path

from sklearn.datasets import load_wine

CONFIG = {
    "data_format": {"separator": ",", "header": True, "date_column": None},
    "column_mapping": {},
    "profile_sections": ["data_drift"],
    "dashboard_tabs": ["data_drift"],
    "pretty_print": True,
}


def write(folder: Path) -> None:
    """Write the two halves and the config into a folder that exists."""
    wines = load_wine(as_frame=True).data
    half = len(wines) // 2
    wines[:half].to_csv(folder / "reference.csv", index=False)
    wines[half:].to_csv(folder / "current.csv", index=False)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
