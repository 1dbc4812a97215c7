"""The report page: what it says, in which order, and that no data can become markup."""

import base64
import gzip
import hashlib
import html
import json
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidently_cli.report.config import TabConfig
from evidently_cli.report.drift import CategoryCounts, ColumnDrift, DataDrift, NumericHistogram, Overlay, Track
from evidently_cli.report.page import render
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.document import document
from evidently_cli.report.page.figures import distribution, over_time
from evidently_cli.report.page.selection import selected
from evidently_cli.report.page.sparkline import HEIGHT, WIDTH, mini_histograms
from evidently_cli.report.page.view import Counters, Page, Source, Tab, Table, Text
from evidently_cli.report.result import FileFacts, Result
from evidently_cli.report.roles import Notice
from evidently_cli.report.section import Unavailable
from evidently_cli.report.sections import SECTIONS
from evidently_cli.report.wording import in_figure, label, number, percent, percents, shortened, visible

HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b>&lt;b&gt; <a href='javascript:alert(1)'>$x^2$</a>",
    "\"quotes\" & 'more'\nsecond line\r\n\u2028\u202efdp.exe",
    "nul\x00 and a lone surrogate \ud800",
    "x" * 10_000,
    "{{ 7 * 7 }}{% raw %}",
    " ",
)


def numbers(name: str, **changes: object) -> ColumnDrift:
    """A drifted numeric column, K-S p = 0.001."""
    column = ColumnDrift(
        name=name,
        role="feature",
        feature_type="num",
        test="ks",
        test_name="K-S p_value",
        is_p_value=True,
        score=0.001,
        threshold=0.05,
        drifted=True,
        reference_hist=NumericHistogram((0.75, 0.25), (0.0, 1.0, 2.0)),
        current_hist=NumericHistogram((0.25, 0.25), (0.0, 2.0, 4.0)),
        reference_missing=0,
        current_missing=2,
        overlay=Overlay(None, (0.0, 2.0, 4.0), (1.0, 0.0), (0.5, 0.5)),
        track=Track(
            "row",
            (0.5, 1.5),
            (0.4, 0.6),
            (0.5, 1.5, 2.5),
            (1.0, None, 3.0),
            (0.0, None, 2.0),
            (2.0, None, 4.0),
            0.5,
            0.25,
        ),
    )
    return replace(column, **changes)  # type: ignore[arg-type]  # the names of ColumnDrift's fields


def labels(name: str, *texts: str) -> ColumnDrift:
    """A categorical column with these labels, each twice as common in the current file."""
    count = len(texts)
    return numbers(
        name,
        feature_type="cat",
        reference_hist=CategoryCounts((1,) * count, texts),
        current_hist=CategoryCounts((2,) * count, texts),
        overlay=Overlay(texts, None, (1 / count,) * count, (1 / count,) * count),
        track=None,
    )


def drift(*columns: ColumnDrift, notices: tuple[Notice, ...] = (), limit: float = 0.5) -> DataDrift:
    """The section made of these columns."""
    drifted = sum(column.drifted for column in columns)
    share = drifted / len(columns) if columns else 0.0
    return DataDrift(
        columns=columns,
        n_columns=len(columns),
        n_drifted=drifted,
        share_drifted=share,
        drift_share=limit,
        dataset_drift=bool(columns) and share >= limit,
        notices=notices,
    )


def page(*tabs: Tab, title: str = "July against June", name: str = "july.csv") -> str:
    """The document with these tabs."""
    source = Source("current", Text(label(name, 60), full=visible(name)), (("Rows", "10"),))
    return document(Page(visible(title), "evidently-cli 1.0", "2026-11-23 10:00", (source,), tabs))


def first_cells(tab: Tab) -> list[str]:
    """The row headers of the tab's table, from top to bottom."""
    (table,) = tab.widgets
    assert isinstance(table, Table)
    return [row.cells[0].text for row in table.rows]


class Elements(HTMLParser):
    """The elements of a page with their attributes, the script texts, and the text a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Collect the text, or the script."""
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag == "script" and data.strip():
            self.scripts.append((attributes.get("type", ""), data))
        elif tag != "style":
            self.text += data


def unpacked(packed: str) -> bytes:
    """What the page's script gets from a packed text."""
    return gzip.decompress(base64.b64decode(packed))


def test_the_verdict_is_one_sentence_with_its_reason() -> None:
    """The first thing a reader gets is the verdict, and the numbers that it rests on."""
    verdict = drawn("data_drift", drift(numbers("a"), *[numbers(name, drifted=False) for name in "bc"])).verdict
    assert verdict is not None
    assert verdict.headline == "Dataset drift is not detected."
    assert verdict.reason == "1 of 3 columns drifted (33\u00a0%); the limit is 50\u00a0%."


def test_a_page_without_a_tested_column_says_so() -> None:
    """When nothing could be tested, the page says that instead of a share of nothing."""
    tab = drawn("data_drift", drift(notices=(Notice("a", "every value is missing: not tested"),)))
    assert tab.verdict is not None
    assert tab.verdict.headline == "No column could be tested."
    assert "every value is missing: not tested" in Elements(page(tab)).text


def test_a_part_that_was_not_computed_says_why() -> None:
    """It has the title that it would have had, and the reason stands in it as well as on top of the page."""
    reason = "there is no target"
    tab = drawn("num_target_drift", Unavailable(reason))
    text = page(tab, drawn("data_drift", drift(numbers("a"))))
    assert tab.title == "Numerical target drift"
    assert "Num target drift" not in text
    assert reason in Elements(text.split("<nav")[0]).text
    assert f"Not computed. {reason}" in Elements(text.split("</nav>")[1]).text


def test_drifted_columns_come_first_then_the_furthest_past_its_threshold() -> None:
    """A reader finds what drifted most on top, whichever tests were used."""
    columns = (
        numbers("p just below", score=0.04),
        numbers("p a thousandth", score=0.05 / 1000),
        numbers("distance five times", is_p_value=False, score=0.5, threshold=0.1),
        numbers("distance three times", is_p_value=False, score=0.3, threshold=0.1),
        numbers("p underflowed", score=0.0),
        numbers("not drifted, near", score=0.06, drifted=False),
        numbers("not drifted, far", score=0.9, drifted=False),
        numbers("not finite", score=None, drifted=False),
    )
    assert first_cells(drawn("data_drift", drift(*columns))) == [
        "p underflowed",
        "distance five times",
        "p a thousandth",
        "distance three times",
        "p just below",
        "not drifted, near",
        "not drifted, far",
        "not finite",
    ]


def test_a_page_is_readable_without_javascript() -> None:
    """Verdict, names, scores and thresholds stand in the page itself; only the large plots are drawn by a script."""
    text = Elements(page(drawn("data_drift", drift(numbers("temperature", role="target"))))).text
    for words in (
        "Dataset drift is detected.",
        "temperature",
        "target",
        "K-S p_value",
        "0.001",
        "below 0.05",
        "Drifted",
    ):
        assert words in text


def test_verbose_level_0_shows_what_is_always_shown() -> None:
    """`verbose_level: 0` leaves out the widgets of the full level, 1 shows all."""
    widgets = (Counters("A", "always", ()), Counters("B", "full", ()))
    assert selected(widgets, TabConfig("data_drift", 0, None)) == widgets[:1]
    assert selected(widgets, TabConfig("data_drift", 1, None)) == widgets


def test_include_widgets_decides_which_and_in_which_order() -> None:
    """`include_widgets` overrides the level and sets the order; an empty list shows no widget."""
    widgets = (Counters("A", "always", ()), Counters("B", "full", ()))
    assert selected(widgets, TabConfig("data_drift", 0, ("B", "A"))) == widgets[::-1]
    assert selected(widgets, TabConfig("data_drift", 1, ())) == ()


def test_the_titles_that_a_config_may_name_are_the_widgets() -> None:
    """The titles that are checked before data is read are those of the tab."""
    assert (
        tuple(widget.title for widget in drawn("data_drift", drift(numbers("a"))).widgets)
        == SECTIONS["data_drift"].widgets
    )


def test_hostile_names_stay_text() -> None:
    """Names and labels made of markup are shown as they are; they add no element and no attribute to the page."""
    columns = [numbers(name) for name in HOSTILE]
    notices = tuple(Notice(name, name) for name in HOSTILE)
    plain = Elements(
        page(drawn("data_drift", drift(*[numbers("plain")] * len(HOSTILE), notices=(Notice("a", "b"),) * 8)))
    )
    for name in HOSTILE:
        hostile = Elements(
            page(drawn("data_drift", drift(labels(name, *HOSTILE), *columns, notices=notices)), title=name, name=name)
        )
        assert {tag for tag, _ in hostile.elements} == {tag for tag, _ in plain.elements}
        assert len(hostile.scripts) == len(plain.scripts)
        assert {key for _, attributes in hostile.elements for key in attributes if key.startswith("on")} == set()
    assert "</script><img src=x onerror=alert(1)>" in hostile.text


def test_a_page_with_hostile_names_can_be_written() -> None:
    """A name with a lone surrogate, as a badly encoded file may have, does not keep the report from being saved."""
    assert page(drawn("data_drift", drift(*[numbers(name) for name in HOSTILE]))).encode("utf-8")


def test_the_page_refers_to_nothing_outside_itself() -> None:
    """No element loads anything: references are fragments of the page itself or an empty icon."""
    elements = Elements(page(drawn("data_drift", drift(numbers("a"))))).elements
    assert not [tag for tag, attributes in elements if "src" in attributes or "srcset" in attributes]
    references = [attributes["href"] for _, attributes in elements if "href" in attributes]
    assert [href for href in references if not href.startswith("#") and href != "data:,"] == []
    policy = next(attributes["content"] for tag, attributes in elements if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy.split("style-src")[0]


def test_the_policy_allows_exactly_the_two_scripts_of_the_page() -> None:
    """The content security policy names the page's own script and Plotly by their hashes, and no other."""
    elements = Elements(page(drawn("data_drift", drift(numbers("a")))))
    scripts = dict(elements.scripts)
    allowed = re.findall(r"'sha256-([^']+)'", html.unescape(str(elements.elements)))
    plotly = unpacked(scripts["application/gzip"])
    assert allowed == [
        base64.b64encode(hashlib.sha256(script).digest()).decode() for script in (scripts[""].encode(), plotly)
    ]
    assert (
        plotly
        == Path(str(metadata.distribution("plotly").locate_file("plotly/package_data/plotly.min.js"))).read_bytes()
    )


def test_25_columns_fit_in_less_than_half_of_the_budget() -> None:
    """A report of 25 columns stays below 3 MB, Plotly included."""
    assert len(page(drawn("data_drift", drift(*[numbers(f"column {i}") for i in range(25)]))).encode()) < 3_000_000


def test_every_figure_is_strict_json_with_its_story_in_words() -> None:
    """Each figure in the page unpacks to strict JSON, and each has a caption for those who do not see it."""
    text = page(drawn("data_drift", drift(numbers("a"), labels("b", "x", "y"))))
    plots = [attributes["data-plot"] for _, attributes in Elements(text).elements if "data-plot" in attributes]
    assert len(plots) == 3
    for plot in plots:
        figure = json.loads(unpacked(plot), parse_constant=pytest.fail)
        assert figure["data"]
    assert "0 to 2: 100\u00a0% of the reference, 50\u00a0% of current" in text
    assert "2 of 2 are outside the band" in text


def test_labels_that_look_alike_keep_their_own_bars() -> None:
    """Two labels that are equal once shortened are two bars, not one."""
    twins = ("x" * 50 + "1" + "x" * 50, "x" * 50 + "2" + "x" * 50)
    overlay = labels("a", *twins).overlay
    assert overlay is not None
    plot = json.loads(json.dumps(distribution(overlay).plot))
    assert [bars["y"] for bars in plot["data"]] == [[0, 1], [0, 1]]
    assert plot["layout"]["yaxis"]["ticktext"][0] == plot["layout"]["yaxis"]["ticktext"][1]


def test_a_group_without_values_is_a_gap() -> None:
    """Where a group of rows has no value, the figure has none either: neither a zero nor a bridge."""
    track = numbers("a").track
    assert track is not None
    current = json.loads(json.dumps(over_time(track).plot))["data"][1]
    assert current["y"] == [1.0, None, 3.0]
    assert current["error_y"]["array"] == [1.0, None, 1.0]


def test_both_mini_histograms_have_the_same_axes() -> None:
    """Equal places and heights mean equal data: the file with half the range takes half of the width."""
    reference, current = mini_histograms(
        NumericHistogram((0.75, 0.25), (0.0, 1.0, 2.0)), NumericHistogram((0.25, 0.25), (0.0, 2.0, 4.0))
    )
    assert reference.path == f"M0 {HEIGHT}V1H30V21.7H60V{HEIGHT}Z"
    assert current.path == f"M0 {HEIGHT}V21.7H60V21.7H{WIDTH}V{HEIGHT}Z"
    assert reference.text == "reference: from 0 to 2, densest between 0 and 1"


def test_mini_histograms_of_labels_compare_shares_not_counts() -> None:
    """A file that is ten times as long, with the same shares, looks the same."""
    reference, current = mini_histograms(CategoryCounts((3, 1), ("a", "b")), CategoryCounts((30, 10), ("a", "b")))
    assert reference.path == current.path
    assert current.text == "current: a 75\u00a0%, b 25\u00a0%"


def test_only_the_most_common_labels_are_drawn_small() -> None:
    """A column of a thousand labels gets a dozen bars: a mini histogram stays small."""
    many = tuple(f"label {i}" for i in range(1000))
    reference, _ = mini_histograms(CategoryCounts((1,) * 1000, many), CategoryCounts((1,) * 999 + (500,), many))
    assert reference.path.count("M") == 12
    assert reference.text.endswith("and 997 other labels")


@pytest.mark.parametrize(
    "value,text",
    [
        (0, "0"),
        (0.05, "0.05"),
        (1.0, "1"),
        (-12.3456, "-12.35"),
        (123456.7, "123457"),
        (1.2346e-15, "1.235e-15"),
        (4e12, "4e12"),
        (float("inf"), "not finite"),
    ],
)
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    """A number is as long as a reader can use."""
    assert number(value) == text


def test_a_share_never_reads_as_all_or_nothing_unless_it_is() -> None:
    """0.4 % is not "0 %", and 99.9 % is not "100 %"."""
    assert [percent(share) for share in (0, 0.004, 0.364, 0.9991, 1)] == [
        "0\u00a0%",
        "0.4\u00a0%",
        "36\u00a0%",
        "99.9\u00a0%",
        "100\u00a0%",
    ]


def test_a_share_below_its_limit_reads_as_below() -> None:
    """Nobody reads "50 % drifted, the limit is 50 %: not detected"."""
    assert percents(0.499, 0.5) == ("49.9\u00a0%", "50.0\u00a0%")
    assert percents(0.5, 0.5) == ("50\u00a0%", "50\u00a0%")


@given(st.text())
def test_any_text_can_be_shown_on_one_line(text: str) -> None:
    """Whatever a name holds, what is shown can be written, stays on one line and cannot reorder its surroundings."""
    shown = visible(text)
    assert shown.encode("utf-8").decode() == shown
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set("\x00\t\u202e\u2066")


@given(st.text())
def test_any_text_reads_the_same_in_a_figure(text: str) -> None:
    """Plotly finds no tag and no formula in an escaped text, and shows exactly the original."""
    escaped = in_figure(text)
    assert not set(escaped) & set("<>$")
    assert html.unescape(escaped) == text


@given(st.text(), st.integers(min_value=4, max_value=50))
def test_shortened_text_fits(text: str, length: int) -> None:
    """A shortened text is never longer than it may be, and a text that fits is left alone."""
    result = shortened(text, length)
    assert len(result) <= length
    assert result == text or len(text) > length


def test_a_result_becomes_a_page_of_its_configured_tabs() -> None:
    """`render` shows the files with what sampling kept, and the tabs of the configuration."""
    result = Result(
        reference=FileFacts("june.csv", 1000, 1000, 3, ""),
        current=FileFacts("july.csv", 12345, 1235, 3, "every 10th row"),
        sections={"data_drift": drift(numbers("a"))},
        created=datetime(2026, 11, 23, 10, 0),  # noqa: DTZ001 - naive local time is what a result has
        tabs=(TabConfig("data_drift", 1, ()),),
    )
    text = Elements(render(result, "July against June")).text
    assert "1\u202f235 of 12\u202f345 (every 10th row)" in text
    assert "Dataset drift is detected." in text
    assert "K-S p_value" not in text  # include_widgets: []
