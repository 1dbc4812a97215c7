"""
Readers: functions that turn a value out of JSON or YAML into a typed one, or say in one line what is wrong with it.

A reader takes the value and the place it stands at ("sampling.reference.n"). Readers are combined: the shape of the
whole config is one table of them in `evidently_cli.report.config`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from evidently_cli.report.errors import ConfigError, did_you_mean, quoted

_LONG_KEY = 60

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Reader(Protocol[T_co]):
    """Turns one untyped value into a typed one."""

    def __call__(self, value: object, where: str, /) -> T_co:
        """Raise ConfigError, beginning with `where`, when the value is not what is asked for."""
        ...


def shown(value: object) -> str:
    """Return what stands in the config, as an error message names it: never more than a short line."""
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**20):
        return str(value)
    names: dict[type, str] = {int: "a very large number", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def _expected(what: str, value: object, where: str) -> ConfigError:
    return ConfigError(f"{where}: expected {what}, found {shown(value)}")


def boolean(value: object, where: str, /) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise _expected("true or false", value, where)
    return value


def name(value: object, where: str, /) -> str:
    """Read the name of a column. A number becomes its text: YAML reads the bare name 2020 as a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _expected("a name (in quotes)", value, where)
    return value if isinstance(value, str) else shown(value)


def label(value: object, where: str, /) -> str | int:
    """Read the name of a class: text or a whole number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _expected("text or a whole number", value, where)
    return value


def integer(low: int, high: int = 2**63 - 1) -> Reader[int]:
    """Read a whole number from low to high."""

    def read(value: object, where: str, /) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            upper = f" to {high}" if high < 2**63 - 1 else ""
            raise _expected(f"a whole number from {low}{upper}", value, where)
        return value

    return read


def number(low: float, high: float = sys.float_info.max) -> Reader[float]:
    """Read a finite number from low to high."""

    def read(value: object, where: str, /) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            span = f"from {low:g} to {high:g}" if high < sys.float_info.max else "" if low < 0 else f"from {low:g}"
            raise _expected(f"a number {span}".strip(), value, where)
        return float(value)

    return read


def one_of(*allowed: str) -> Reader[Any]:
    """Read one of a few words. Typed Any, because the caller's field is a Literal of the same words."""

    def read(value: object, where: str, /) -> str:
        if not isinstance(value, str):
            raise _expected(f"one of {', '.join(allowed)}", value, where)
        if value not in allowed:
            raise unknown(value, allowed, where)
        return value

    return read


def unknown(word: str, allowed: tuple[str, ...], where: str) -> ConfigError:
    """Return the error about a word that is not in the list: it names the list and the nearest match."""
    place = f"{where}: " if where else ""
    return ConfigError(
        f"{place}{quoted(word)} is not known; allowed: {', '.join(allowed)}{did_you_mean(word, allowed)}"
    )


def optional(read: Reader[T], when_null: Any = None) -> Reader[Any]:
    """Read null as `when_null`, anything else with `read`."""
    return lambda value, where, /: when_null if value is None else read(value, where)


def list_of(read: Reader[T], what: str) -> Reader[tuple[T, ...]]:
    """Read a list; what stands in it twice counts once."""

    def read_list(value: object, where: str, /) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise _expected(f"a list of {what}", value, where)
        return tuple(dict.fromkeys(read(item, f"{where}[{index}]") for index, item in enumerate(value)))

    return read_list


def mapping(value: object, where: str, /) -> Mapping[str, object]:
    """Read an object whose keys are text (or whole numbers, see `name`)."""
    if not isinstance(value, dict):
        raise _expected("an object", value, where or "the config")
    return {name(key, f"{where or 'the config'}, a key"): item for key, item in value.items()}


def mapping_of(read: Reader[T]) -> Reader[Mapping[str, T]]:
    """Read an object with free keys and like values, such as one value per column."""
    return lambda value, where, /: {key: read(item, inside(where, key)) for key, item in mapping(value, where).items()}


def one_or_per_column(read: Reader[T]) -> Reader[T | Mapping[str, T]]:
    """Read one value for all columns, or an object with one value per column."""
    per_column = mapping_of(read)
    return lambda value, where, /: per_column(value, where) if isinstance(value, dict) else read(value, where)


def record(make: Callable[..., T], **fields: Reader[Any]) -> Reader[T]:
    """Read an object with known keys, each optional, into the dataclass that holds their defaults."""

    def read(value: object, where: str, /) -> T:
        given = mapping(value, where)
        for key in given:
            if key not in fields:
                raise unknown(key, tuple(fields), where)
        return make(**{key: fields[key](item, inside(where, key)) for key, item in given.items()})

    return read


def inside(where: str, key: str) -> str:
    """Return the place of a key in the object at `where`."""
    part = key if key.isidentifier() and len(key) <= _LONG_KEY else quoted(key)
    return f"{where}.{part}" if where else part
