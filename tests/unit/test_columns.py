"""The parts that columns play, inferred from the reference file as Evidently 0.1.x does."""

from __future__ import annotations

import numpy as np
import pytest

from evidently_cli.report import DataError
from evidently_cli.report.columns import Column, Dates, Labels, Numbers, Table
from evidently_cli.report.config import ColumnMapping
from evidently_cli.report.roles import Roles, assign_roles, check_current, check_names

NUMBER = Numbers((np.arange(4.0),))
EMPTY = Numbers((np.full(4, np.nan),))
TEXT = Labels((np.zeros(4, np.int32),), ("a",))
TRUTH = Labels((np.array([0, 1, -1, 0], np.int32),), (False, True))
DATE = Dates((np.array(["2020-01-01"] * 4, "datetime64[s]"),))


def table(**columns: Column) -> Table:
    """Return a table of four rows."""
    return Table("ref.csv", 4, 4, columns)


def roles(mapping: ColumnMapping | None = None, **columns: Column) -> Roles:
    """Assign the roles of some columns."""
    return assign_roles(table(**columns), mapping or ColumnMapping())


def test_inference() -> None:
    """Numbers are numeric, empty columns too; text and truth values are categorical; all are sorted by name."""
    found = roles(z=NUMBER, b=NUMBER, e=EMPTY, t=TEXT, flag=TRUTH, d=DATE)
    assert found == Roles(numerical=("b", "e", "z"), categorical=("flag", "t"), datetimes=("d",))


def test_default_names() -> None:
    """Columns called target, prediction and datetime play these parts, and a column called id is a feature."""
    found = roles(target=TEXT, prediction=NUMBER, datetime=DATE, id=NUMBER, x=NUMBER)
    assert (found.target, found.prediction, found.date) == ("target", "prediction", "datetime")
    assert (found.numerical, found.categorical, found.datetimes) == (("id", "x"), (), ())


def test_null_names() -> None:
    """A part that is set to null is not played, and its column becomes a feature."""
    found = roles(ColumnMapping(target=None, prediction=None), target=NUMBER, prediction=TEXT)
    assert (found.target, found.prediction, found.task) == (None, None, None)
    assert (found.numerical, found.categorical) == (("target",), ("prediction",))


def test_prediction_list() -> None:
    """The columns of probabilities are not features."""
    found = roles(ColumnMapping(prediction=("p", "q")), p=NUMBER, q=NUMBER, x=NUMBER)
    assert (found.prediction, found.numerical) == (("p", "q"), ("x",))


def test_id_and_date() -> None:
    """The id and the mapped datetime column are not features; the id need not exist."""
    assert roles(ColumnMapping(id="n", datetime="d"), n=NUMBER, d=DATE, x=NUMBER).numerical == ("x",)
    assert roles(ColumnMapping(id="nowhere"), x=NUMBER).id == "nowhere"


def test_explicit_lists() -> None:
    """Listed numbers are sorted, listed categories keep their order, and a listed category is not numeric too."""
    mapping = ColumnMapping(categorical_features=("t", "n"))
    assert roles(mapping, n=NUMBER, t=TEXT, x=NUMBER, u=TEXT) == Roles(numerical=("x",), categorical=("t", "n"))
    mapping = ColumnMapping(numerical_features=("x", "b"))
    assert roles(mapping, b=NUMBER, x=NUMBER, y=NUMBER, t=TEXT) == Roles(numerical=("b", "x"), categorical=("t",))


def test_listed_twice_counts_once() -> None:
    """The target and the prediction are not features, even when listed; nor is a number a category as well."""
    mapping = ColumnMapping(numerical_features=("target", "x"), categorical_features=("x", "prediction", "t"))
    found = roles(mapping, target=NUMBER, prediction=NUMBER, x=NUMBER, t=TEXT)
    assert (found.numerical, found.categorical) == (("x",), ("t",))


def test_listed_with_the_wrong_type() -> None:
    """A listed column that is not of the type is left out, with a notice that names it; an empty column is numeric."""
    found = roles(ColumnMapping(numerical_features=("t", "e", "flag")), t=TEXT, e=EMPTY, flag=TRUTH)
    assert found.numerical == ("e",)
    assert [notice.column for notice in found.notices] == ["t", "flag"]
    assert "numerical_features" in found.notices[0].text


@pytest.mark.parametrize("target, task", [
    (Numbers((np.arange(5),)), "regression"),
    (Numbers((np.arange(4),)), "classification"),
    (Numbers((np.array([1, 2, 3, 4, np.nan]),)), "classification"),
    (TEXT, "classification"),
    (TRUTH, "classification"),
])  # fmt: skip
def test_task(target: Column, task: str) -> None:
    """A numeric target with five distinct values or more is a regression, any other target a classification."""
    assert roles(target=target).task == task


def test_task_can_be_given() -> None:
    """A task in the config wins over the inferred one."""
    assert roles(ColumnMapping(task="regression"), target=TEXT).task == "regression"


@pytest.mark.parametrize("mapping", [
    ColumnMapping(target="pric"),
    ColumnMapping(datetime="pric"),
    ColumnMapping(prediction="pric"),
    ColumnMapping(prediction=("pric", "other")),
    ColumnMapping(numerical_features=("pric",)),
    ColumnMapping(categorical_features=("pric",)),
])  # fmt: skip
def test_names_that_do_not_exist(mapping: ColumnMapping) -> None:
    """A name that the reference file does not have is an error that names the key and the nearest column."""
    with pytest.raises(DataError, match=r'ref.csv: no column "pric" \(column_mapping\.\w+\); did you mean "price"\?'):
        check_names(mapping, ("price", "other"), "ref.csv")


def test_default_names_need_not_exist() -> None:
    """The default names and the id may be absent, also when they are written out."""
    check_names(ColumnMapping(target="target", prediction="prediction", id="id"), ("x",), "ref.csv")


def test_columns_that_the_current_file_lacks() -> None:
    """Each feature, the target and the prediction are looked for in the current file; the id and the date are not."""
    have = {"target", "p", "x", "t"}
    wanted = Roles(target="target", prediction="p", numerical=("x",), categorical=("t",), id="id", date="d")
    check_current(wanted, have, "cur.csv")
    for name in have:
        with pytest.raises(DataError, match=f'cur.csv: no column "{name}", which the reference file has'):
            check_current(wanted, have - {name}, "cur.csv")
