"""The report in a real browser: what it draws, what it asks of the network, and what it lets run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from chromium import Browser
from report_data import regression

from evidently_cli.report import calculate
from evidently_cli.report.drift import CategoryCounts, ColumnDrift, DataDrift, NumericHistogram, Overlay, Track
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.document import document
from evidently_cli.report.page.figures import distribution
from evidently_cli.report.page.view import Counters, Figures, Heading, Page, Row, Tab, Table, Text

OWN = "document.documentElement.dataset.owned = 1"
HOSTILE = (
    f"<script>{OWN}</script>",
    f"</script><img src=x onerror='{OWN}'>",
    f"<a href='javascript:{OWN}'>link</a> <b>bold</b> &lt;i&gt;",
    "costs $x^2$ %{y} {{ 7 * 7 }}",
    "'\"><svg onload=alert(1)>",
    "line\nbreak \u2028 \ud800 \x00",
    "x" * 10_000,
)
A_WHILE = "new Promise((later) => setTimeout(later, 200))"  # Plotly lets 100 ms pass before it resizes a plot


Save = Callable[..., str]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """A function that writes a report with these tabs and returns its address."""

    def write(*tabs: Tab, title: str = "July against June") -> str:
        file = tmp_path / "report.html"
        file.write_text(document(Page(title, "evidently-cli 1.0", "2026-11-23 10:00", (), tabs)), encoding="utf-8")
        return file.as_uri()

    return write


def numbers(name: str, score: float = 0.2) -> ColumnDrift:
    """A numeric column with both figures."""
    return ColumnDrift(
        name=name,
        role="feature",
        feature_type="num",
        test="ks",
        test_name="K-S p_value",
        is_p_value=True,
        score=score,
        threshold=0.05,
        drifted=score < 0.05,
        reference_hist=NumericHistogram((0.75, 0.25), (0.0, 1.0, 2.0)),
        current_hist=NumericHistogram((0.25, 0.25), (0.0, 2.0, 4.0)),
        reference_missing=0,
        current_missing=0,
        overlay=Overlay(None, (0.0, 2.0, 4.0), (1.0, 0.0), (0.5, 0.5)),
        track=Track(
            "measured",
            ("2026-06-01",),
            (0.5,),
            ("2026-07-01", "2026-07-02"),
            (1.0, None),
            (0.0, None),
            (2.0, None),
            0.5,
            0.1,
        ),
    )


def labels(name: str, texts: tuple[str, ...]) -> ColumnDrift:
    """A categorical column with one figure."""
    shares = (1 / len(texts),) * len(texts)
    counts = CategoryCounts((1,) * len(texts), texts)
    return replace(
        numbers(name),
        feature_type="cat",
        reference_hist=counts,
        current_hist=counts,
        overlay=Overlay(texts, None, shares, shares),
        track=None,
    )


def drift_tab(*columns: ColumnDrift) -> Tab:
    """The tab of these columns."""
    drifted = sum(column.drifted for column in columns)
    return drawn(
        "data_drift",
        DataDrift(columns, len(columns), drifted, drifted / len(columns), 0.5, drifted / len(columns) >= 0.5, ()),
    )


def test_a_report_asks_for_nothing_and_complains_of_nothing(browser: Browser, save: Save) -> None:
    """The only request is the one for the file, with every plot drawn; the console stays empty."""
    address = save(drift_tab(numbers("a"), numbers("b"), labels("c", ("x", "y"))))
    browser.open(f"{address}#open-all")
    browser.scroll_through()
    assert set(browser.requests()) <= {address, f"{address}#open-all", "data:,"}
    assert browser.complaints() == []


def test_the_policy_is_in_force(browser: Browser, save: Save) -> None:
    """Should markup ever get into the page, the browser refuses to run it or to fetch for it."""
    browser.open(save(drift_tab(numbers("a"))))
    browser.evaluate(f"document.body.insertAdjacentHTML('beforeend', `<img src=x onerror='{OWN}'>`)")
    browser.evaluate(f"document.body.append(Object.assign(document.createElement('script'), {{textContent: '{OWN}'}}))")
    browser.evaluate("fetch('https://example.com/').catch(() => null)")
    assert browser.evaluate("document.documentElement.dataset.owned") is None
    assert [url for url in browser.requests() if not url.startswith("file:")] == []
    assert "violates" in str(browser.complaints())


def test_each_row_opens_to_its_plots(browser: Browser, save: Save) -> None:
    """A row that is clicked shows its plots, drawn; before the first is opened, not even Plotly is loaded."""
    browser.open(save(drift_tab(numbers("a"), numbers("b"), labels("c", ("x", "y")))))
    assert browser.evaluate("typeof Plotly") == "undefined"
    for row, plots in enumerate((2, 2, 1)):
        browser.evaluate(f"document.querySelectorAll('tbody button')[{row}].click()")
        browser.scroll_through()
        opened = f"document.querySelectorAll('tbody')[{row}]"
        assert browser.evaluate(f"{opened}.querySelector('button').getAttribute('aria-expanded')") == "true"
        assert (
            browser.evaluate(f"{opened}.querySelectorAll('[data-state=drawn] .plot-container .trace').length") >= plots
        )
    browser.evaluate("document.querySelector('tbody button').click()")
    assert browser.evaluate("document.querySelector('.detail').hidden")


def test_a_figure_is_drawn_when_it_comes_into_sight(browser: Browser, save: Save) -> None:
    """A figure below the fold waits until the reader scrolls to it."""
    overlay = numbers("a").overlay
    assert overlay is not None
    figures = tuple(Figures(f"figure {i}", "always", (distribution(overlay),)) for i in range(9))
    browser.open(save(Tab("all", "All", None, (Counters("Counts", "always", (("Rows", "10"),)), *figures))))
    browser.until("document.querySelector('.plot').dataset.state === 'drawn'")
    assert browser.evaluate("[...document.querySelectorAll('.plot')].at(-1).dataset.state ?? 'waiting'") == "waiting"
    browser.scroll_through()
    assert browser.evaluate("document.querySelectorAll('[data-state=drawn]').length") == 9


def test_hostile_names_do_not_run(browser: Browser, save: Save) -> None:
    """Names and labels made of markup run nothing, load nothing, and are shown as they are, in the figures too."""
    address = save(drift_tab(labels("labels", HOSTILE), *[numbers(name) for name in HOSTILE]), title=HOSTILE[0])
    browser.open(f"{address}#open-all")
    browser.scroll_through()
    assert browser.evaluate("document.documentElement.dataset.owned") is None
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:,"))] == []
    ticks = browser.evaluate("[...document.querySelectorAll('.plot .ytick text')].map((tick) => tick.textContent)")
    for start in ("costs $x^2$", "<script>", "</script>", "<a href="):
        assert any(tick.startswith(start) for tick in ticks), start
    assert browser.evaluate("document.querySelectorAll('.plot a, .plot b').length") == 0


def test_the_table_sorts_by_keyboard(browser: Browser, save: Save) -> None:
    """Enter on a column's head sorts by it, a second Enter the other way round, and assistive technology is told."""
    browser.open(save(drift_tab(numbers("beta", 0.01), numbers("alpha 10", 0.2), numbers("alpha 9", 0.03))))
    names = "[...document.querySelectorAll('tbody th bdi')].map((name) => name.textContent)"
    head = "document.querySelector('thead th')"
    assert browser.evaluate(names) == ["beta", "alpha 9", "alpha 10"]
    browser.evaluate(f"{head}.querySelector('button').focus()")
    for direction, order in (
        ("ascending", ["alpha 9", "alpha 10", "beta"]),
        ("descending", ["beta", "alpha 10", "alpha 9"]),
    ):
        for kind in ("keyDown", "keyUp"):
            browser.call(
                "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13
            )
        assert browser.evaluate(f"{head}.getAttribute('aria-sort')") == direction
        assert browser.evaluate(names) == order


def test_rows_without_a_number_come_last(browser: Browser, save: Save) -> None:
    """Sorted by a column of numbers, up or down, the rows with none in it stand below all others."""
    means = {"a": 100.5, "b": None, "c": 3.5, "d": 50.5, "e": None, "f": 0.0}
    rows = tuple(Row((Text(name), Text("" if mean is None else str(mean), sort=mean))) for name, mean in means.items())
    headings = (Heading("Column"), Heading("Mean", numeric=True))
    browser.open(save(Tab("all", "All", None, (Table("Features", "always", "", "columns", "", headings, rows),))))
    names = "[...document.querySelectorAll('tbody th bdi')].map((name) => name.textContent).join('')"
    for order in ("fcdabe", "adcfbe"):
        browser.evaluate("document.querySelectorAll('thead button')[1].click()")
        assert browser.evaluate(names) == order


def test_search_and_filter_narrow_the_table(browser: Browser, save: Save) -> None:
    """Typing shows the columns whose name holds the text, "drifted only" those that drifted, and the count follows."""
    browser.open(save(drift_tab(numbers("beta", 0.01), numbers("alphabet", 0.2), numbers("gamma", 0.03))))
    shown = "[...document.querySelectorAll('tbody:not([hidden]) th bdi')].map((name) => name.textContent)"
    browser.evaluate("document.querySelector('input[type=search]').focus()")
    browser.call("Input.insertText", text="BET")
    assert browser.evaluate(shown) == ["beta", "alphabet"]
    browser.evaluate("document.querySelector('input[type=checkbox]').click()")
    assert browser.evaluate(shown) == ["beta"]
    assert browser.evaluate("document.querySelector('output').textContent") == "1 of 3 columns"


def test_the_page_fits_a_phone(browser: Browser, save: Save) -> None:
    """At 360 pixels nothing has to be scrolled sideways, whatever the names, with every row open."""
    browser.open(f"{save(drift_tab(labels('c', HOSTILE), *[numbers(name) for name in HOSTILE]))}#open-all", width=360)
    browser.scroll_through()
    assert browser.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("width", [921, 1280])
def test_long_labels_fit_beside_numbers(browser: Browser, save: Save, width: int) -> None:
    """The widest table, with the errors' most common labels of both files, is not wider than the window."""
    files = [regression(seed=seed).replace({"label": {"a": "Some college, no degree"}}) for seed in (1, 2)]
    files = [file.replace({"label": {"b": "Bachelors-degree"}}) for file in files]
    result = calculate(*files, {"dashboard_tabs": ["regression_performance"]})
    browser.open(save(drawn("regression_performance", result.sections["regression_performance"])), width=width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_parts_of_a_report_show_one_at_a_time(browser: Browser, save: Save) -> None:
    """With several tabs, the first is shown, a link shows its own, and the others step back."""
    browser.open(save(drift_tab(numbers("a")), Tab("other", "Other", None, (Counters("Counts", "always", ()),))))
    shown = "[...document.querySelectorAll('section.tab')].filter((tab) => !tab.hidden).map((tab) => tab.id)"
    assert browser.evaluate(shown) == ["data_drift"]
    browser.evaluate("document.querySelectorAll('nav a')[1].click()")
    browser.until(f"String({shown}) === 'other'")
    assert browser.evaluate("document.querySelector('nav a[aria-current]').textContent") == "Other"


def test_plots_out_of_sight_follow_the_window(browser: Browser, save: Save) -> None:
    """A plot in a part or a row that is closed while the window becomes narrow is as narrow once it is shown again."""
    browser.open(save(drift_tab(numbers("a")), Tab("other", "Other", None, (Counters("Counts", "always", ()),))))
    row = "document.querySelector('tbody button')"
    browser.evaluate(f"{row}.click()")
    browser.scroll_through()
    browser.evaluate("document.querySelectorAll('nav a')[1].click()")
    browser.until("document.querySelector('#data_drift').hidden")
    browser.resize(400)
    browser.evaluate(A_WHILE)
    browser.evaluate("document.querySelector('nav a').click()")
    fits = "document.querySelector('.plot').offsetWidth === document.querySelector('.plot svg').clientWidth"
    browser.until(f"document.querySelector('.plot').offsetParent && {fits}")
    browser.evaluate(f"{row}.click()")
    browser.resize(1280)
    browser.evaluate(A_WHILE)
    browser.evaluate(f"{row}.click()")
    browser.until(fits)


def test_charts_fit_on_paper(browser: Browser, save: Save) -> None:
    """On a printed page, of A4 in width, no chart reaches into the next one; on the screen, it is then as before."""
    browser.open(save(drift_tab(numbers("a")), Tab("other", "Other", None, (Counters("Counts", "always", ()),))))
    browser.evaluate("document.querySelector('tbody button').click()")
    browser.scroll_through()
    browser.evaluate("document.querySelectorAll('nav a')[1].click()")
    browser.until("document.querySelector('#data_drift').hidden")
    too_wide = "[...document.querySelectorAll('.plot')].filter((plot) => plot.scrollWidth > plot.clientWidth).length"
    browser.resize(717)
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.evaluate("document.querySelectorAll('.plot')[1].getBoundingClientRect().left") > 330
        assert browser.evaluate(too_wide) == 0
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")
    browser.resize(1280)
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    browser.evaluate("document.querySelector('nav a').click()")
    browser.until("document.querySelector('.plot').clientWidth > 500")
    browser.until("document.querySelector('.plot').clientWidth === document.querySelector('.plot svg').clientWidth")


def test_the_theme_can_be_changed(browser: Browser, save: Save) -> None:
    """The button turns the page dark and back, whatever the system prefers."""
    browser.open(save(drift_tab(numbers("a"))))
    paper = "getComputedStyle(document.body).backgroundColor"
    before = browser.evaluate(paper)
    browser.evaluate("document.querySelector('.theme').click()")
    assert browser.evaluate(paper) != before
    browser.evaluate("document.querySelector('.theme').click()")
    assert browser.evaluate(paper) == before
