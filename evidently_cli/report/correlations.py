"""
How strongly columns hang together, for all pairs of them at once.

Pearson, Spearman and Kendall (tau-b) are those of `pandas.DataFrame.corr`: over the rows in which both columns of a
pair have a finite value. Two things make them faster: pairs without a gap share one matrix product, and values become
whole-number codes once, after which ranking any subset of rows is counting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from evidently_cli.report.columns import Column, Dates, Labels, Numbers, Table
from evidently_cli.report.quality import Correlations, Matrix, Statistics
from evidently_cli.report.roles import Notice, Roles
from evidently_cli.report.store import IN_MEMORY, Kept, Store
from evidently_cli.report.wording import count

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]

_BLOCK = 65_536  # rows of a matrix product: all columns at once would need their memory twice
# Measured: a Kendall coefficient takes 0.22 us a row. 25 columns are 300 pairs: 20 000 rows of them take 1.3 s.
_KENDALL_ROWS_OF_ALL_PAIRS = 6_000_000
_KENDALL_ROWS = 1_000  # however many pairs there are
_SEED = 1
# Measured: scipy's way of checking what it is given takes 0.5 ms a pair, a product of all signs less from here on.
_MANY_COLUMNS = 30
_FEW_ROWS = 1_000
_PAIRS_AT_ONCE = 20_000  # of rows: in many small products, most of the time would go into starting them
_MOST_LABELS = 1_000  # of a column that Cramér's V is computed for: two of them make a table of a million cells


def correlate(
    table: Table, roles: Roles, described: dict[str, Statistics], which: str
) -> tuple[Correlations, list[Notice]]:
    """
    Correlate what varies: numbers with numbers, categories with categories.

    The columns are the features, the target and a single prediction, as they were described. `which` names the file
    in the notices, which tell what was left out or sampled.
    """
    notices = []
    last = (name for name in (roles.target, roles.prediction) if isinstance(name, str))
    order = dict.fromkeys((*roles.numerical, *roles.categorical, *last))
    varying = [name for name in order if name in described and described[name].unique > 1]
    numeric = [name for name in varying if described[name].feature_type == "num"]
    labelled = [name for name in varying if described[name].feature_type == "cat"]
    wide = [name for name in labelled if described[name].unique > _MOST_LABELS]
    for name in wide if len(labelled) > 1 else ():
        labels = f"{count(described[name].unique)} labels in {which}"
        notices.append(Notice(name, f"has {labels}, more than {count(_MOST_LABELS)}: left out of Cramér's V"))
    labelled = [name for name in labelled if name not in wide]
    numeric, labelled = (names if len(names) > 1 else [] for names in (numeric, labelled))
    kept = kendall_rows(table.rows, len(numeric))
    if numeric and kept is not None:
        rows = f"{count(len(kept))} of its {count(table.rows)} rows, drawn at random"
        notices.append(Notice(None, f"The Kendall correlations of {which} rest on {rows}: all would take long"))
    columns = (column for name in numeric if isinstance(column := table.columns[name], Numbers))
    with table.store.scratch() as store:
        values = [store.keep(column.values.astype(np.float64, copy=False)) for column in columns]
        with store.scratch() as own:
            linear = pearson(values, own)
        with store.scratch() as own:
            ranked = spearman(values, own)
        tau = kendall([column[:] if kept is None else column[:][kept] for column in values])
    with table.store.scratch() as store:
        associations = cramer_v([store.keep(_codes(table.columns[name])) for name in labelled])
    return Correlations(
        pearson=_matrix(numeric, linear),
        spearman=_matrix(numeric, ranked),
        kendall=_matrix(numeric, tau),
        cramer_v=_matrix(labelled, associations),
    ), notices


def _matrix(names: list[str], coefficients: NDArray[np.float64]) -> Matrix:
    if not len(coefficients):
        return Matrix()
    return Matrix(tuple(names), tuple(tuple(row) for row in coefficients.tolist()))


def _codes(column: Column) -> Codes:
    """Number the labels that occur from 0; -1 is missing."""
    values: NDArray[np.generic]
    if isinstance(column, Labels):
        values, present = column.codes, column.codes >= 0
    elif isinstance(column, Dates):
        values, present = column.values, ~np.isnat(column.values)
    else:
        values, present = column.values, ~np.isnan(column.values)
    codes = np.full(len(values), -1, np.int32)
    codes[present] = np.unique(values[present], return_inverse=True)[1]
    return codes


def pearson(columns: Sequence[Kept], store: Store = IN_MEMORY) -> Floats:
    """
    Return the k x k matrix of linear correlations of k columns of equal length; NaN where one of a pair is constant.

    A value that is not finite is missing. The diagonal of this and of the other matrices means nothing.
    """
    return _by_pair(
        [store.keep(np.isfinite(column[:])) for column in columns],
        lambda whole: _product([columns[i] for i in whole]),
        lambda i, j, rows: _product([columns[i][:][rows], columns[j][:][rows]])[0, 1],
    )


def spearman(columns: Sequence[Kept], store: Store = IN_MEMORY) -> Floats:
    """Return the k x k matrix of rank correlations: Pearson of the ranks, ties sharing the mean of their ranks."""
    codes = [store.keep(as_codes(column[:])) for column in columns]
    return _by_pair(
        [store.keep(code[:] >= 0) for code in codes],
        lambda whole: _product([store.keep(_ranks(codes[i][:])) for i in whole]),
        lambda i, j, rows: _product([_ranks(codes[i][:][rows]), _ranks(codes[j][:][rows])])[0, 1],
    )


def kendall(columns: Sequence[Floats]) -> Floats:
    """
    Return the k x k matrix of Kendall's tau-b.

    It takes time for each pair: `kendall_rows` says how many rows to pass.
    """
    if not columns:
        return np.full((0, 0), np.nan)
    codes = [as_codes(column) for column in columns]
    if len(columns) >= _MANY_COLUMNS and len(codes[0]) <= _FEW_ROWS:
        return _kendall_of_few_rows(np.array(codes))
    from scipy.stats import kendalltau  # 0.4 s to import

    def tau(x: Codes, y: Codes) -> float:
        return float(kendalltau(x, y).statistic) if _varies(x) and _varies(y) else np.nan

    return _by_pair(
        [code >= 0 for code in codes],
        lambda whole: _symmetric(len(whole), lambda i, j: tau(codes[whole[i]], codes[whole[j]])),
        lambda i, j, rows: tau(codes[i][rows], codes[j][rows]),
    )


def _kendall_of_few_rows(codes: Codes) -> Floats:
    """
    Return Kendall's tau-b of the rows of a k x n matrix of codes, all pairs at once.

    Each pair of the n places has a sign in each column: up, down, or 0 where the values are equal or one is missing.
    Two columns agree on as many as the product of their signs says, out of those that are no tie in either.
    """
    agreement = np.zeros((len(codes), len(codes)))
    untied = np.zeros_like(agreement)  # in the one column, and present in the other
    places = codes.shape[1]
    step = max(1, _PAIRS_AT_ONCE // places)
    for start in range(1, places, step):
        shifts = range(start, min(start + step, places))
        later = np.concatenate([codes[:, shift:] for shift in shifts], axis=1)
        earlier = np.concatenate([codes[:, :-shift] for shift in shifts], axis=1)
        both = ((later >= 0) & (earlier >= 0)).astype(np.float32)  # exact: the sums are whole numbers below 2**24
        signs = np.sign(later - earlier) * both
        agreement += signs @ signs.T
        untied += np.abs(signs) @ both.T
    with np.errstate(divide="ignore", invalid="ignore"):
        tau: Floats = np.clip(agreement / np.sqrt(untied) / np.sqrt(untied.T), -1.0, 1.0)
    return tau


def kendall_rows(rows: int, columns: int) -> NDArray[np.intp] | None:
    """
    Return which rows Kendall's tau is to be computed on: a random sample, in order, or None for all of them.

    The more columns there are, the smaller it is, but never below 1000: 25 columns get 20 000 rows. A run draws the
    same rows each time. (Evenly spaced ones would show one phase alone of what repeats at their distance.)
    """
    pairs = max(1, columns * (columns - 1) // 2)
    kept = max(_KENDALL_ROWS, _KENDALL_ROWS_OF_ALL_PAIRS // pairs)
    return None if rows <= kept else np.sort(np.random.default_rng(_SEED).choice(rows, kept, replace=False))


def cramer_v(columns: Sequence[Kept]) -> Floats:
    """
    Return the k x k matrix of Cramér's V of k columns of codes (from 0; negative: missing).

    V = sqrt(chi2 / n / min(labels - 1, other labels - 1)) of the cross table of the rows in which both have a label,
    without a continuity correction; NaN where one of them has a single label there.
    """
    sizes = [int(column[:].max(initial=-1)) + 1 for column in columns]

    def coefficient(i: int, j: int) -> float:
        x, y = columns[i][:], columns[j][:]
        both = (x >= 0) & (y >= 0)
        cells = x[both].astype(np.int64) * sizes[j] + y[both]
        table = np.bincount(cells, minlength=sizes[i] * sizes[j]).reshape(sizes[i], sizes[j])
        table = table[table.any(axis=1)][:, table.any(axis=0)]
        least = min(table.shape) - 1
        if least < 1:
            return np.nan
        total = table.sum()
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
        return float(np.sqrt(((table - expected) ** 2 / expected).sum() / total / least))

    return _symmetric(len(columns), coefficient)


def as_codes(column: Floats) -> Codes:
    """Return the place of each value among the distinct finite ones, in order; -1 for one that is not finite."""
    finite = np.isfinite(column)
    codes = np.full(len(column), -1, np.int32)
    codes[finite] = np.unique(column[finite], return_inverse=True)[1]
    return codes


def _by_pair(
    present: Sequence[Kept],
    of_complete: Callable[[list[int]], Floats],
    of_pair: Callable[[int, int, NDArray[np.bool_]], float],
) -> Floats:
    """Compute the columns without a gap together, and each pair with one over the rows in which both are present."""
    whole = [i for i, rows in enumerate(present) if rows[:].all()]
    matrix = np.full((len(present), len(present)), np.nan)
    matrix[np.ix_(whole, whole)] = of_complete(whole)
    complete = set(whole)
    for i, j in combinations(range(len(present)), 2):
        if not {i, j} <= complete:
            matrix[i, j] = matrix[j, i] = of_pair(i, j, present[i][:] & present[j][:])
    return matrix


def _symmetric(size: int, of_pair: Callable[[int, int], float]) -> Floats:
    matrix = np.full((size, size), np.nan)
    for i, j in combinations(range(size), 2):
        matrix[i, j] = matrix[j, i] = of_pair(i, j)
    return matrix


def _product(columns: Sequence[Kept]) -> Floats:
    """Return the Pearson correlations of columns without gaps; a block of rows of each is in memory at a time."""
    if not columns or not len(columns[0]):
        return np.full((len(columns), len(columns)), np.nan)
    # Near the largest double a square overflows. A power of two scales without rounding.
    powers = [int(np.frexp(np.abs(column[:]).max())[1]) for column in columns]
    scales = [np.ldexp(1.0, -min(max(power, -1000), 1000)) for power in powers]
    means = [(column[:] * scale).mean() for column, scale in zip(columns, scales, strict=True)]
    products = np.zeros((len(columns), len(columns)))
    for start in range(0, len(columns[0]), _BLOCK):
        block = np.array(
            [
                column[start : start + _BLOCK] * scale - mean
                for column, scale, mean in zip(columns, scales, means, strict=True)
            ]
        )
        products += block @ block.T
    # The mean of equal values may be off by a rounding: what is left of them would correlate with anything.
    squares = np.where([_varies(column[:]) for column in columns], np.diagonal(products), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        coefficients: Floats = np.clip(products / np.sqrt(np.outer(squares, squares)), -1.0, 1.0)
    return coefficients


def _varies(values: NDArray[np.generic]) -> bool:
    return len(values) > 0 and bool((values != values[0]).any())


def _ranks(codes: Codes) -> Floats:
    """Return the rank of each code among these, from 1; equal ones share the mean of their ranks."""
    counts = np.bincount(codes)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks
