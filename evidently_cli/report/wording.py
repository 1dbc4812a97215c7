"""How numbers, shares and names become text."""

import math
from html import escape

from evidently_cli.visible import visible


def shortened(text: str, length: int) -> str:
    """At most `length` characters. The middle goes: generated names differ at their ends (`sensor_017_mean_hourly`)."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 3
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


def label(text: str, length: int) -> str:
    """A name or label of the data, fit to be shown: visible, at most `length` characters, and never just blank."""
    return shortened(visible(text), length) if text.strip() else "(blank)"


def in_figure(text: str) -> str:
    """
    Escape text for a Plotly figure.

    Plotly takes `<b>`, `<a href>` and `&lt;` in any label for markup, and what stands between two `$` for a formula.
    """
    return escape(text, quote=False).replace("$", "&#36;")


def number(value: float) -> str:
    """Four significant digits; powers of ten only where they are shorter to read."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "not finite"
    if 1e-4 <= abs(value) < 1e6:  # noqa: PLR2004 - the range in which people read plain digits at a glance
        decimals = max(0, 3 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits, power = f"{value:.3e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


def count(value: int) -> str:
    """Thousands apart: `1 234 567`, with narrow no-break spaces."""
    return f"{value:,}".replace(",", "\u202f")


def percent(share: float, decimals: int = 0) -> str:
    """
    A share (0 to 1) as `36 %`.

    A share that is neither 0 nor 1 never reads as one of them: it gets the decimals that it takes.
    """
    text = f"{100 * share:.{decimals}f}"
    if 0 < share < 1 and decimals < 4 and float(text) in (0, 100):  # noqa: PLR2004 - 0.0001 % is as fine as it gets
        return percent(share, decimals + 1)
    return f"{text}\u00a0%"


def percents(share: float, limit: float) -> tuple[str, str]:
    """Both as percent, with the decimals it takes to tell them apart: 49.6 % against a limit of 50.0 %."""
    for decimals in range(4):
        texts = percent(share, decimals), percent(limit, decimals)
        if share == limit or texts[0] != texts[1]:
            break
    return texts


def counted(value: int, noun: str) -> str:
    """`1 column`, `12 columns`."""
    return f"{count(value)} {noun}" if value == 1 else f"{count(value)} {noun}s"
