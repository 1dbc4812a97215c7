"""The report in a real browser: what it draws, what it asks of the network, and what it lets run."""

import fcntl
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evidently_cli.report.drift import CategoryCounts, ColumnDrift, DataDrift, NumericHistogram, Overlay, Track
from evidently_cli.report.page.contents import drawn
from evidently_cli.report.page.document import document
from evidently_cli.report.page.figures import distribution
from evidently_cli.report.page.view import Counters, Figures, Page, Tab

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


class Browser:
    """A headless Chromium with one page, driven by the DevTools protocol over a pair of pipes."""

    def __init__(self, program: str, profile: Path) -> None:
        # Numbers of 10 and more, so that neither pipe is in the way when the child renames them to 3 and 4.
        orders, self._orders = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in os.pipe())
        self._answers, answers = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in os.pipe())

        def name_pipes() -> None:
            os.dup2(orders, 3)
            os.dup2(answers, 4)

        self._process = subprocess.Popen(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={profile}",
                "--remote-debugging-pipe",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=name_pipes,  # noqa: PLW1509 - Chromium wants its pipes as 3 and 4; there is one thread here
        )
        os.close(orders)
        os.close(answers)
        self._ids = itertools.count(1)
        self._buffer = b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self._session = None
        self.call("Browser.close")
        self._process.wait(timeout=30)
        os.close(self._orders)
        os.close(self._answers)

    def call(self, method: str, **params: object) -> Any:
        """The result of one DevTools method; events that come in between are kept."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._orders, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            received = os.read(self._answers, 1 << 20)
            if not received:
                raise RuntimeError("Chromium has ended")
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until the expression is true."""
        end = time.monotonic() + 30
        while not self.evaluate(expression):
            if time.monotonic() > end:
                pytest.fail(f"never true in the page: {expression}")
            time.sleep(0.02)

    def open(self, address: str, *, width: int = 1280) -> None:
        """Load a page in a window of this width, forgetting what happened before."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
        )
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def scroll_through(self) -> None:
        """Bring every plot that is open into sight, as a reader does who scrolls, and wait until it is drawn."""
        plots = "[...document.querySelectorAll('.plot')].filter((plot) => plot.offsetParent)"
        for plot in range(self.evaluate(f"{plots}.length")):
            self.evaluate(f"{plots}[{plot}].scrollIntoView()")
            self.until(f"{plots}[{plot}].dataset.state === 'drawn'")

    def happened(self, *methods: str) -> list[dict[str, Any]]:
        """What the browser reported under these names."""
        self.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")  # reports of what has just happened
        return [event["params"] for event in self.events if event.get("method") in methods]

    def complaints(self) -> list[dict[str, Any]]:
        """Every console message, exception, violation of the security policy, and dialog."""
        return self.happened(
            "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"
        )

    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        return [params["request"]["url"] for params in self.happened("Network.requestWillBeSent")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for this module."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        missing = "no chromium, chromium-browser or google-chrome on PATH"
        if os.environ.get("EVIDENTLY_TEST_NO_SKIP"):
            pytest.fail(missing)
        pytest.skip(missing)
    chromium = Browser(program, tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


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


def test_parts_of_a_report_show_one_at_a_time(browser: Browser, save: Save) -> None:
    """With several tabs, the first is shown, a link shows its own, and the others step back."""
    browser.open(save(drift_tab(numbers("a")), Tab("other", "Other", None, (Counters("Counts", "always", ()),))))
    shown = "[...document.querySelectorAll('section.tab')].filter((tab) => !tab.hidden).map((tab) => tab.id)"
    assert browser.evaluate(shown) == ["data_drift"]
    browser.evaluate("document.querySelectorAll('nav a')[1].click()")
    browser.until(f"String({shown}) === 'other'")
    assert browser.evaluate("document.querySelector('nav a[aria-current]').textContent") == "Other"


def test_the_theme_can_be_changed(browser: Browser, save: Save) -> None:
    """The button turns the page dark and back, whatever the system prefers."""
    browser.open(save(drift_tab(numbers("a"))))
    paper = "getComputedStyle(document.body).backgroundColor"
    before = browser.evaluate(paper)
    browser.evaluate("document.querySelector('.theme').click()")
    assert browser.evaluate(paper) != before
    browser.evaluate("document.querySelector('.theme').click()")
    assert browser.evaluate(paper) == before
