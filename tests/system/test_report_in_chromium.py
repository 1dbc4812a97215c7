"""Whole reports in a real browser: every tab of every section opens, draws, fits a phone, and stays inside the file."""

from pathlib import Path

import pandas as pd
import pytest
from chromium import Browser
from report_data import SECTIONS, classes, nasty, regression

from evidently_cli.report import calculate

DATA = {
    "regression": (regression, {}, {"classification_performance", "prob_classification_performance"}),
    "classes": (classes, {}, {"num_target_drift", "regression_performance", "prob_classification_performance"}),
    "probabilities": (
        classes,
        {"prediction": ["cat", "dog", "owl"]},
        {"num_target_drift", "regression_performance", "classification_performance"},
    ),
}

ROWS = 4


def report(data: str, path: Path, *, hostile: bool = False) -> tuple[str, list[str]]:
    """Write the report of a data set; return its address and its tabs."""
    make, mapping, unsuited = DATA[data]
    frames: list[pd.DataFrame] = [make(seed=seed) for seed in (1, 2)]
    if hostile:
        frames = [nasty(frame) for frame in frames]
    tabs = [section for section in SECTIONS if section not in unsuited]
    result = calculate(*frames, {"dashboard_tabs": tabs, "column_mapping": mapping})
    path.write_text(result.to_html(), encoding="utf-8")
    return path.as_uri(), tabs


def open_tab(browser: Browser, tab: str) -> None:
    """Go to a tab as a reader does, and open the first rows of each table."""
    browser.evaluate(f"document.querySelector('nav a[href=\"#{tab}\"]').click()")
    browser.until(f"!document.getElementById('{tab}').hidden")
    for table in range(browser.evaluate(f"document.querySelectorAll('#{tab} table').length")):
        rows = f"[...document.querySelectorAll('#{tab} table')[{table}].querySelectorAll('tbody button')]"
        browser.evaluate(f"{rows}.slice(0, {ROWS}).forEach((button) => button.click())")


@pytest.mark.parametrize("data", DATA)
def test_every_tab_draws(browser: Browser, tmp_path: Path, data: str) -> None:
    """With hostile names, each tab opens and draws its plots; nothing is requested, nothing runs, no complaint."""
    address, tabs = report(data, tmp_path / "report.html", hostile=True)
    browser.open(address)
    for tab in tabs:
        open_tab(browser, tab)
        browser.scroll_through()
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:"))] == []
    assert browser.evaluate("document.title") != "owned"
    assert browser.evaluate("document.querySelectorAll('.plot[data-state=failed]').length") == 0


@pytest.mark.parametrize("data", DATA)
def test_the_arrow_of_a_table_tells_its_order(browser: Browser, tmp_path: Path, data: str) -> None:
    """The column that a table comes sorted by says in which direction, by its arrow and to assistive technology."""
    address, _ = report(data, tmp_path / "report.html", hostile=True)
    browser.open(address)
    columns = browser.evaluate(
        """[...document.querySelectorAll('th[aria-sort]')].map((head) => [
            head.getAttribute('aria-sort'),
            getComputedStyle(head.querySelector('button'), '::after').content,
            [...head.closest('table').querySelectorAll(`tbody tr:first-child > :nth-child(${head.cellIndex + 1})`)]
                .map((cell) => Number(cell.dataset.sort ?? -1e9)),
        ])"""
    )
    assert len(columns) >= 2
    for direction, arrow, order in columns:
        assert (direction, arrow) == ("descending", '"↓"')
        assert order == sorted(order, reverse=True)


def test_scores_sort_by_themselves(browser: Browser, tmp_path: Path) -> None:
    """A click on the head of the scores puts the smallest first, whichever tests they are of."""
    options = {"data_drift": {"per_feature_stattest": {"x": "wasserstein", "y": "psi"}}}
    result = calculate(regression(), regression(seed=2), {"dashboard_tabs": ["data_drift"], "options": options})
    (tmp_path / "report.html").write_text(result.to_html(), encoding="utf-8")
    browser.open((tmp_path / "report.html").as_uri())
    browser.evaluate("document.querySelectorAll('thead button')[4].click()")
    scores = browser.evaluate("[...document.querySelectorAll('td:nth-child(7)')].map((cell) => Number(cell.innerText))")
    assert scores == sorted(scores)


@pytest.mark.parametrize("data", ["regression", "probabilities"])
def test_every_tab_fits_a_phone(browser: Browser, tmp_path: Path, data: str) -> None:
    """At the width of a phone, no tab has to be scrolled sideways."""
    address, tabs = report(data, tmp_path / "report.html")
    browser.open(address, width=360)
    for tab in tabs:
        open_tab(browser, tab)
        browser.scroll_through()
        assert browser.evaluate("document.documentElement.scrollWidth") <= 360, tab
