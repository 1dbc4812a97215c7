"""What a drain asks of whoever sends records."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from spool.outcome import Outcome
from spool.record import Record


class Transport(ABC):
    """
    Sends records. To write one, derive from this and write `send`.

    `address` is where they go: the pause that one endpoint asked for does not bind another. `alone` is set when a
    request carries one record. A drain sets `may_send`: who repeats a request by itself asks it first.
    """

    address: str = ""
    alone: bool = False
    may_send: Callable[[], bool] = staticmethod(lambda: True)

    @abstractmethod
    def send(self, records: Sequence[Record]) -> Outcome:
        """Send some records as one request, and say what became of them. Raises for nothing that a network does."""

    def prepare(self, records: Sequence[Record]) -> None:  # noqa: B027 - nothing to do is fine
        """
        Get ready for what is likely to be sent next.

        May be called by another thread, while `send` is at work and when the drain has just ended.
        """
