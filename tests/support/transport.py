"""A transport that answers as a test says, for tests of what a drain makes of the answers."""

from collections.abc import Callable, Sequence

from spool import Delivered, Outcome, Record, Transport


class FakeTransport(Transport):
    """
    Answers as `answer` says, and remembers what it was handed and which of it was delivered.

    `requests` has the ids of each request.
    """

    def __init__(
        self, answer: Callable[[Sequence[Record]], Outcome] = lambda _records: Delivered(), *, alone: bool = False
    ) -> None:
        self.answer = answer
        self.alone = alone
        self.requests: list[list[str]] = []
        self.handed: list[Record] = []
        self.delivered: list[Record] = []

    @property
    def taken(self) -> list[str]:
        """The ids of what was delivered."""
        return [record.id for record in self.delivered]

    def send(self, records: Sequence[Record]) -> Outcome:
        self.requests.append([record.id for record in records])
        self.handed += records
        outcome = self.answer(records)
        if isinstance(outcome, Delivered):
            self.delivered += [record for record in records if record.id not in outcome.rejected]
        return outcome
