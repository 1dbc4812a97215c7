"""
Compare two data files, or two data frames.

    from pathlib import Path
    from evidently_cli.report import calculate

    result = calculate("reference.csv", "current.csv", {"profile_sections": ["data_drift", "data_quality"]})
    print(result.drifted, result.sections["data_drift"].summary().headline)
    Path("profile.json").write_text(result.to_json(indent=True))
    Path("report.html").write_text(result.to_html(), encoding="utf-8")

Everything that is returned is frozen, everything that a user can cause is raised as a ReportError, and nothing here
records or sends anything. Importing this package imports none of pandas, numpy and scipy; `calculate` does.
"""

from evidently_cli.report.config import Config, Sampling, SamplingPair, TabConfig, load_config
from evidently_cli.report.drift import (
    CategoryCounts,
    ColumnDrift,
    DataDrift,
    NumericHistogram,
    Overlay,
    Track,
)
from evidently_cli.report.errors import ConfigError, DataError, ReportError
from evidently_cli.report.result import FileFacts, Result, calculate
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.section import SectionResult, Summary, Unavailable

__all__ = [
    "CategoryCounts",
    "ColumnDrift",
    "Config",
    "ConfigError",
    "DataDrift",
    "DataError",
    "FileFacts",
    "Notice",
    "NumericHistogram",
    "Overlay",
    "ReportError",
    "Result",
    "Roles",
    "Sampling",
    "SamplingPair",
    "SectionResult",
    "Summary",
    "TabConfig",
    "Track",
    "Unavailable",
    "calculate",
    "load_config",
]
