"""What every section of a profile gives: numbers as JSON, a summary for a terminal, a verdict if it has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Protocol

from evidently_cli.report.roles import Notice, Roles


@dataclass(frozen=True, slots=True)
class Summary:
    """A section in a terminal: one sentence, and a small table of what matters most below it."""

    headline: str
    rows: tuple[tuple[str, ...], ...] = ()
    numeric: frozenset[int] = frozenset()  # which columns of the rows are numbers
    left_out: int = 0  # rows that did not make it into the table


class SectionResult(Protocol):
    """The result of one section: frozen, and complete enough to write the profile and to draw the report."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the reader should know about the data."""
        ...

    @property
    def drifted(self) -> bool | None:
        """Whether the section found drift; None where it does not look for any."""
        ...

    def summary(self) -> Summary:
        """Say in a few lines what was found."""
        ...

    def to_dict(self) -> Mapping[str, object]:
        """Return the `data` of the profile's section, with the keys of Evidently 0.1.x."""
        ...


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A section that could not be computed: the files lack what it needs. The others are not touched by that."""

    reason: str
    roles: Roles = field(default_factory=Roles)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The reason."""
        return (Notice(None, self.reason),)

    @property
    def drifted(self) -> None:
        """Nothing was looked at."""
        return

    def summary(self) -> Summary:
        """Say that there is nothing; why is a note of its own."""
        return Summary("not computed")

    def to_dict(self) -> Mapping[str, object]:
        """Return empty metrics, as 0.1.x does, and the reason."""
        return profile_data(self.roles, {}, self.notices)


def profile_data(roles: Roles, metrics: Mapping[str, object], notices: tuple[Notice, ...]) -> dict[str, object]:
    """Return what all sections of a profile have in common; a section may add to it, as 0.1.x did, or beside it."""
    return {
        "utility_columns": {
            "date": roles.date,
            "id": roles.id,
            "target": roles.target,
            "prediction": roles.prediction,
        },
        "cat_feature_names": roles.categorical,
        "num_feature_names": roles.numerical,
        "datetime_feature_names": roles.datetimes,
        "target_names": roles.target_names,
        "metrics": metrics,
        "notices": [asdict(notice) for notice in notices],
    }
