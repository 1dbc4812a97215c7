"""A file of certificates to trust in place of the usual ones: is it of any use?"""

import os
from pathlib import Path

from spool.record import printable


def unusable(path: Path) -> str | None:
    """Return why a file of certificates is of no use, or None: a request would take it for the server's fault."""
    import ssl  # for those alone who have such a file

    if not os.path.isfile(path):  # noqa: PTH113 - no error where we may not look, and no wait for who writes to a pipe
        return f"there is no file {printable(str(path))}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return f"there are no certificates in {printable(str(path))}"
    except OSError as error:
        return f"the certificates in {printable(str(path))} cannot be read: {error.strerror}"
    return None
