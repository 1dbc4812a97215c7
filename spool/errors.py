"""What can go wrong with a spool. Each message is one line: what happened, and what to do about it."""


class SpoolError(Exception):
    """Base of all errors of this package. `exit_code` is what a command line should end with."""

    exit_code = 1

    def __str__(self) -> str:
        """One line, whatever is in the names of directories."""
        return "".join(character if character.isprintable() else "?" for character in super().__str__())


class InvalidEventError(SpoolError):
    """The event is no JSON object, or its record would be longer than a record may be."""

    exit_code = 2


class UnavailableError(SpoolError):
    """The spool cannot be read or written: the disk is full, read-only, or permission is missing."""


class BusyError(UnavailableError):
    """Somebody else is at work, and will end: a drain, or an append."""

    exit_code = 75


class NoLocksError(UnavailableError):
    """The file system knows no locks: events can be appended there, and not drained."""


class UnsafeError(SpoolError):
    """The place is not one to keep private files in: a symbolic link, another user's, or not a spool at all."""


class BundleError(SpoolError):
    """The file is no bundle, is damaged, or holds too much; nothing was changed."""


class NewerFormatError(SpoolError):
    """A newer program wrote this spool, or this bundle; nothing was touched."""
