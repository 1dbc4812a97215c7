"""A request body becomes a list of JSON values. Pure, and bounded in memory whatever the client sends."""

import gzip
import io
import json
import math
import zlib
from http import HTTPStatus
from typing import Any, NoReturn

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of a body, on the wire and again after decompression. A client's segment has 256 KiB, a record at most 64."""

MEMBERS_LIMIT = 10_000
"""Members of a body: each may come back in the answer, with a reason. A client's segment has some thousand."""


class RefusedError(Exception):
    """The request as a whole is refused: with this status, for this reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def members(body: bytes, *, content_type: str, content_encoding: str) -> list[Any]:
    """
    Return the JSON values of a body: the items of an array, the lines of NDJSON, or the one object that it is.

    What a member must look like to be a record is the store's question: one bad member does not refuse its neighbours.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    read = _READERS.get(media_type)
    if read is None:
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"content type is none of {', '.join(_READERS)}")
    decoded = _decoded(body, content_encoding.strip().lower())
    try:
        found = read(decoded.decode())
    except UnicodeDecodeError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "body is not UTF-8") from None
    except RecursionError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "body is nested too deeply") from None
    except ValueError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"body is not JSON: {_without_data(error)}") from None
    if len(found) > MEMBERS_LIMIT:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body has more than {MEMBERS_LIMIT} members")
    return found


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content encoding is neither gzip nor identity")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as compressed:
            decoded = compressed.read(BODY_LIMIT + 1)  # never more: a bomb stops here, however far it would unfold
    except (OSError, EOFError, zlib.error):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "body is not gzip") from None
    if len(decoded) > BODY_LIMIT:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body unfolds to more than {BODY_LIMIT} bytes")
    return decoded


def _from_json(text: str) -> list[Any]:
    value = _parse(text)
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise RefusedError(HTTPStatus.BAD_REQUEST, "body is neither an array nor an object")


def _from_ndjson(text: str) -> list[Any]:
    # Not splitlines(): it also splits at U+2028 and its kin, which may stand inside a JSON string.
    return [_parse(line) for line in text.split("\n") if line.strip()]


_READERS = {
    "application/json": _from_json,
    "application/x-ndjson": _from_ndjson,
    "application/cloudevents-batch+json": _from_json,
}


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _finite(text: str) -> float:
    """Refuse `1e999` as well: it would be stored as `Infinity`, and no query could read the table any more."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is larger than any number")
    return value


def _refuse_constant(name: str) -> NoReturn:
    """Refuse `NaN` and `Infinity`, which Python's parser takes and JSON does not know."""
    raise ValueError(f"{name} is no JSON value")


def _without_data(error: ValueError) -> str:
    """Describe the error without quoting the body, which must not reach a log."""
    return (
        f"{error.msg} at character {error.pos}"
        if isinstance(error, json.JSONDecodeError)
        else "a number that JSON does not allow"
    )
