"""README says what the program does: neither may change without the other."""

import gzip
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from endpoint import Endpoint, Request, reply

import spool
from evidently_cli.event import SamplingUsage, Usage, build, environment

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def leaves(value: object, path: str = "") -> list[str]:
    """The dotted paths of all values of a JSON object."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}".strip("."))]
    return [path]


@pytest.fixture
def event() -> dict[str, object]:
    """The event of a run."""
    return build(Usage("profile", ["data_drift"], SamplingUsage(), SamplingUsage("nth", n=10)), environment())


def test_every_recorded_field_is_in_the_table(event: dict[str, object]) -> None:
    """The table of recorded fields has every field of the event, in its order, and no other."""
    section = README.partition("## What is recorded")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE) == leaves(event)


def test_the_shown_event_is_an_event(event: dict[str, object]) -> None:
    """The example in README has the shape and, but for the environment, the values of the program's."""
    section = README.partition("## What is recorded")[2]
    shown = json.loads(section.partition("```json\n")[2].partition("```")[0])
    assert leaves(shown) == leaves(event)
    assert (shown["usage"], shown["evidently"]) == (event["usage"], event["evidently"])


def test_the_promise_is_the_librarys() -> None:
    """README promises in the words of the library."""
    promise = README.partition("## What is promised\n\n")[2].partition("\n\n")[0]
    assert spool.__doc__ is not None
    assert " ".join(promise.split()) in " ".join(spool.__doc__.split())


def test_the_library_section_has_every_name() -> None:
    """The table of the library names all that `spool` exports."""
    section = README.partition("## The spool is a library")[2].partition("\n## ")[0]
    assert set(spool.__all__) <= set(re.findall(r"`([\w.]+)`", section))


def test_the_example_of_a_comparison_runs(capsys: Any) -> None:
    """The example for scripts and notebooks works as it stands."""
    section = README.partition("### In a script or a notebook")[2]
    names: dict[str, Any] = {}
    exec(compile(section.partition("```python\n")[2].partition("```")[0], "README", "exec"), names)  # noqa: S102 - ours
    printed = capsys.readouterr().out.replace("\u00a0", " ")
    assert printed == "True 1 of 2 columns drifted (50 %); dataset drift is detected (limit 50 %)\n"
    assert set(json.loads(names["profile"])) == {"data_drift", "data_quality", "timestamp"}
    assert "Data quality" in names["page"]


def test_the_ten_lines_of_the_library_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The example of the library works as it stands, but for the address of the endpoint."""
    monkeypatch.setenv("HOME", str(tmp_path))
    bodies: list[bytes] = []

    def take(connection: socket.socket, request: Request) -> None:
        bodies.append(gzip.decompress(request.body))
        reply(200)(connection, request)

    endpoint = Endpoint(take)
    try:
        program = README.partition("## The spool is a library")[2].partition("```python\n")[2].partition("```")[0]
        exec(program.replace("https://collector.example/", endpoint.url), {})  # noqa: S102 - our own README
    finally:
        endpoint.close()
    assert capsys.readouterr().out == "1 0 None None\n"
    [body] = bodies
    assert json.loads(body)[0]["data"] == {"command": "build", "seconds": 3}


def test_each_complaint_has_tests_that_hold() -> None:
    """The table of what users of other tools suffered names tests that are there, one at least for each complaint."""
    section = README.partition("### What users of other tools suffered")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ") and "| **" not in line][2:]
    tests = {
        name
        for path in Path(__file__).parents[1].glob("*/test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert rows
    for complaint, _answer, holding in rows:
        named = set(re.findall(r"`(test_\w+)`", holding))
        assert named, complaint
        assert named <= tests, (complaint, named - tests)
