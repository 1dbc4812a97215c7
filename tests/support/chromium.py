"""A real, headless Chromium, driven as a reader would."""

import fcntl
import itertools
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest


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
        self.resize(width)
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def resize(self, width: int) -> None:
        """Give the window this width."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
        )

    def scroll_through(self) -> None:
        """Bring every plot that is open into sight, as a reader does who scrolls, and wait until it is drawn."""
        plots = "[...document.querySelectorAll('.plot')].filter((plot) => plot.offsetParent)"
        for plot in range(self.evaluate(f"{plots}.length")):
            # Each time anew: what is drawn above it meanwhile may move it out of sight.
            self.until(f"({plots}[{plot}].scrollIntoView(), {plots}[{plot}].dataset.state === 'drawn')")

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
