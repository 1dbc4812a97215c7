"""Turns a `Page` into one HTML file that needs nothing but itself."""

import base64
import gzip
import hashlib
import json
from functools import cache
from importlib import metadata, resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from evidently_cli.report.page import figures, sparkline
from evidently_cli.report.page.view import Figure, Page

_SCRIPTS = ("figures.js", "table.js", "page.js")


def document(page: Page) -> str:
    """
    The complete file, about 2 MB of it Plotly.

    Two walls stand between the data and the reader's browser. Text goes through jinja2's autoescape, and whatever a
    script reads is packed as base64, which cannot end an element. Should one of them ever have a hole, the content
    security policy names the only two scripts that may run by their hashes, and allows no request at all.
    """
    assets = resources.files(__package__) / "assets"
    script = "\n".join((assets / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    plotly, plotly_source = _plotly()
    environment = Environment(
        loader=PackageLoader(__package__, "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["packed"] = _packed_figure
    return environment.get_template("page.html.j2").render(
        page=page,
        style=(assets / "report.css").read_text(encoding="utf-8"),
        script=script,
        plotly=plotly,
        script_sources=f"{_source(script.encode())} {plotly_source}",
        reference=figures.REFERENCE,
        current=figures.CURRENT,
        mini_width=sparkline.WIDTH,
        mini_height=sparkline.HEIGHT,
    )


@cache
def _plotly() -> tuple[str, str]:
    """Return Plotly's script, packed, and its hash; a notebook shows many reports, and packing takes 0.3 s."""
    script = Path(str(metadata.distribution("plotly").locate_file("plotly/package_data/plotly.min.js"))).read_bytes()
    return _packed(script), _source(script)


def _packed_figure(figure: Figure) -> str:
    return _packed(json.dumps(figure.plot, separators=(",", ":"), allow_nan=False).encode())


def _packed(data: bytes) -> str:
    """Gzip in base64: 4.8 MB of Plotly become 2. Level 6, as level 9 takes longer and saves nothing."""
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()


def _source(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
