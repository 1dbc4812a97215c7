"""The statistical tests: numbers held to those of Evidently 0.1.x and of scipy."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from scipy.spatial import distance

from evidently_cli.report.columns import Column, Dates, Labels, Numbers
from evidently_cli.report.config import DataDriftOptions
from evidently_cli.report.errors import ConfigError, UntestableError
from evidently_cli.report.histogram import bin_counts, density_histogram, sturges_edges
from evidently_cli.report.stattests import STATTESTS
from evidently_cli.report.stattests.choice import ComparedColumn, choose_test, choose_threshold, default_test
from evidently_cli.report.stattests.ks import exact_p_value
from evidently_cli.report.stattests.samples import CategoricalSamples, NumericSamples
from evidently_cli.report.stattests.wasserstein import first_wasserstein


def numbers(*values: float) -> Numbers:
    """Return a column of numbers."""
    return Numbers((np.array(values),))


def text(**counts: int) -> Labels:
    """Return a column of text with so many rows of each label."""
    return Labels((np.repeat(np.arange(len(counts), dtype=np.int32), list(counts.values())),), tuple(counts))


X, Y = numbers(*range(100)), numbers(*range(10, 110))
A, B, D = text(a=50, b=30, c=20), text(a=30, b=30, c=20), text(a=30, b=30, d=20)


@pytest.mark.parametrize(
    "name, reference, current, expected",
    [
        ("chisquare", A, B, 0.0820849986238988),
        ("jensenshannon", A, B, 0.08921321604725689),
        ("psi", A, B, 0.06385320297074884),
        ("kl_div", A, B, 0.03226926056878553),
        ("chisquare", A, D, 0.0),
        ("jensenshannon", A, D, 0.4031443322829831),
        ("psi", A, D, 3.527345525180488),
        ("chisquare", A, text(a=50, b=30), 4.539992976248486e-05),
        ("g_test", A, text(a=40, b=40, c=20), 0.07565733789483609),
        ("z", numbers(*[0] * 30, *[1] * 70), numbers(*[0] * 40, *[1] * 40), 0.006237007458873123),
        ("z", numbers(*[1] * 5), numbers(*[1] * 9), 1.0),
        ("z", numbers(*[1] * 5), numbers(*[2] * 9), 0.00018281063298175582),
    ],
)
def test_labels(name: str, reference: Column, current: Column, expected: float) -> None:
    """Every test of labels gives the score that Evidently 0.1.x gave."""
    score = STATTESTS[name].score(CategoricalSamples.of(reference, current))
    assert score == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("ks", 0.7020569828664881),
        ("wasserstein", 0.3464274833209975),
        ("jensenshannon", 0.18355145998130695),
        ("psi", 0.2932674137586854),
        ("kl_div", 0.1466337068793427),
        ("anderson", 0.014083435178515572),
        ("mannw", 0.020336763458753827),
        ("cramer_von_mises", 0.04845218821865327),
    ],
)
def test_numbers(name: str, expected: float) -> None:
    """Every test of numbers gives the score that Evidently 0.1.x gave."""
    assert STATTESTS[name].score(NumericSamples.of(X, Y)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "reference, current, name, expected",
    [
        (numbers(*range(1001)), numbers(*range(100, 1100, 2)), "wasserstein", 0.3426036274019615),
        (numbers(*[3.0] * 1001), numbers(*[3.0] * 5), "jensenshannon", 0.0),
        (numbers(*[0.0] * 1002), numbers(*range(6)), "wasserstein", 2500.0),
        (X, Y, "ks", 0.7020569828664881),
        (numbers(*[0] * 30, *[1] * 70), numbers(*[0] * 40, *[1] * 40), "z", 0.006237007458873123),
    ],
)
def test_default_numbers(reference: Numbers, current: Numbers, name: str, expected: float) -> None:
    """The default test of numbers depends on the reference rows and on the distinct values, as in Evidently 0.1.x."""
    samples = NumericSamples.of(reference, current)
    assert default_test(samples).name == name
    assert default_test(samples).score(samples) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("rows, distinct, name", [
    (1000, 6, "ks"), (1000, 5, "chisquare"), (1000, 3, "chisquare"), (1000, 2, "z"), (1000, 1, "z"),
    (1001, 6, "wasserstein"), (1001, 5, "jensenshannon"), (1001, 2, "jensenshannon"),
])  # fmt: skip
def test_default_borders(rows: int, distinct: int, name: str) -> None:
    """Each border of the table of default tests falls where Evidently 0.1.x has it."""
    values = np.arange(rows) % distinct
    assert default_test(NumericSamples.of(Numbers((values,)), Numbers((values,)))).name == name


@pytest.mark.parametrize("rows, labels, name", [
    (1000, 3, "chisquare"), (1000, 2, "z"), (1000, 1, "z"), (1001, 3, "jensenshannon"), (1001, 2, "jensenshannon"),
])  # fmt: skip
def test_default_labels(rows: int, labels: int, name: str) -> None:
    """Labels get chi-square or z in small files and Jensen-Shannon in large ones."""
    column = Labels((np.arange(rows, dtype=np.int32) % labels,), tuple(map(str, range(labels))))
    assert default_test(CategoricalSamples.of(column, column)).name == name


def test_distinct_values_of_both_files_count() -> None:
    """Three values in each file make six in both, which is enough for K-S."""
    assert default_test(NumericSamples.of(numbers(1, 2, 3), numbers(4, 5, 6))).name == "ks"


@pytest.mark.parametrize("name", ["ks", "cramer_von_mises"])
def test_at_the_threshold_drifts(name: str) -> None:
    """K-S and Cramer-von Mises see drift at a p-value equal to the threshold."""
    assert STATTESTS[name].drifted(0.05, 0.05)
    assert not STATTESTS[name].drifted(0.0501, 0.05)


@pytest.mark.parametrize("name", ["chisquare", "z", "anderson", "mannw", "g_test"])
def test_below_the_threshold_drifts(name: str) -> None:
    """The other p-values have to be below the threshold."""
    assert not STATTESTS[name].drifted(0.05, 0.05)
    assert STATTESTS[name].drifted(0.0499, 0.05)


@pytest.mark.parametrize("name", ["jensenshannon", "wasserstein", "kl_div", "psi"])
def test_distance_at_the_threshold_drifts(name: str) -> None:
    """A distance means drift from the threshold on."""
    assert STATTESTS[name].drifted(0.1, 0.1)
    assert not STATTESTS[name].drifted(0.0999, 0.1)


def test_registry() -> None:
    """There are eleven tests, with the names in the profile and the thresholds of Evidently 0.1.x."""
    assert {name: (test.title, test.threshold, set(test.feature_types)) for name, test in STATTESTS.items()} == {
        "ks": ("K-S p_value", 0.05, {"num"}),
        "chisquare": ("chi-square p_value", 0.05, {"cat"}),
        "z": ("Z-test p_value", 0.05, {"cat"}),
        "jensenshannon": ("Jensen-Shannon distance", 0.1, {"num", "cat"}),
        "wasserstein": ("Wasserstein distance (normed)", 0.1, {"num"}),
        "kl_div": ("Kullback-Leibler divergence", 0.1, {"num", "cat"}),
        "psi": ("PSI", 0.1, {"num", "cat"}),
        "anderson": ("Anderson-Darling", 0.1, {"num"}),
        "cramer_von_mises": ("cramer_von_mises", 0.05, {"num"}),
        "g_test": ("g_test", 0.05, {"cat"}),
        "mannw": ("Mann-Whitney U-rank test", 0.05, {"num"}),
    }


THOUSANDTHS = st.integers(-(10**9), 10**9).map(lambda number: number / 1000)
SAMPLE = st.lists(THOUSANDTHS | st.integers(-3, 3).map(float), min_size=1, max_size=60)


HOSTILE = st.lists(
    st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([5e-324, 1.7e308, -1.7e308, 1e16, 1e16 + 2]),
    min_size=1,
    max_size=60,
)


@given(SAMPLE, SAMPLE)
def test_wasserstein_is_scipys(reference: list[float], current: list[float]) -> None:
    """Our Wasserstein distance is that of scipy for any two samples, ties and unequal sizes included."""
    ours = first_wasserstein(np.sort(reference), np.sort(current))
    assert ours == pytest.approx(stats.wasserstein_distance(reference, current), rel=1e-9, abs=1e-9)


@given(SAMPLE, SAMPLE)
def test_jensen_shannon_is_scipys(reference: list[float], current: list[float]) -> None:
    """Our Jensen-Shannon distance is that of scipy."""
    samples = NumericSamples.of(numbers(*reference), numbers(*current))
    expected = distance.jensenshannon(*samples.shares)
    assert STATTESTS["jensenshannon"].score(samples) == pytest.approx(expected, rel=1e-9, abs=1e-7)


@given(SAMPLE, SAMPLE)
def test_kl_divergence_is_scipys(reference: list[float], current: list[float]) -> None:
    """Our Kullback-Leibler divergence is that of scipy, zeros replaced."""
    samples = NumericSamples.of(numbers(*reference), numbers(*current))
    r, c = (np.where(shares == 0, 0.0001, shares) for shares in samples.shares)
    assert STATTESTS["kl_div"].score(samples) == pytest.approx(stats.entropy(r, c), rel=1e-9, abs=1e-12)


COUNTS = st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500)), min_size=2, max_size=12).filter(
    lambda pairs: any(current for _, current in pairs)
)


@given(COUNTS)
def test_chi_square_is_scipys(pairs: list[tuple[int, int]]) -> None:
    """Our chi-square p-value is that of scipy."""
    reference, current = (text(**{f"l{i}": n for i, n in enumerate(counts)}) for counts in zip(*pairs, strict=True))
    r, c = (np.array(counts) for counts in zip(*pairs, strict=True))
    expected = stats.chisquare(c, r * (c.sum() / r.sum())).pvalue
    score = STATTESTS["chisquare"].score(CategoricalSamples.of(reference, current))
    assert score == pytest.approx(expected, rel=1e-12, abs=0)


@given(st.permutations([5, 7, 11, 2, 30, 1]), st.permutations([5, 7, 11, 2, 30, 1]))
def test_g_test_is_scipys(reference: list[int], current: list[int]) -> None:
    """Our G-test p-value is that of scipy."""
    samples = CategoricalSamples.of(*(text(**{f"l{i}": n for i, n in enumerate(c)}) for c in (reference, current)))
    expected = stats.power_divergence(current, reference, lambda_="log-likelihood").pvalue
    assert STATTESTS["g_test"].score(samples) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_z_is_the_normal_tail(n: int, m: int, share_n: float, share_m: float) -> None:
    """Our z-test p-value is twice the tail of the normal distribution, to nine digits even far out."""
    a, b = round(n * share_n), round(m * share_m)
    score = STATTESTS["z"].score(CategoricalSamples.of(text(a=n - a, b=a), text(a=m - b, b=b)))
    p1, p2, pooled = a / n, b / m, (a + b) / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m)
    expected = 2 * special.ndtr(-abs(p1 - p2) / math.sqrt(variance)) if variance else 1.0
    assert score == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(SAMPLE, st.integers(1, 30))
def test_small_histogram_is_numpys(values: list[float], bins: int) -> None:
    """The small histogram is numpy's, over the file's own range, as densities."""
    histogram = density_histogram(np.sort(values), bins)
    heights, edges = np.histogram(values, bins=bins, density=True)
    assert histogram.edges == pytest.approx(edges)
    assert histogram.heights == pytest.approx(heights)


@given(HOSTILE.filter(lambda values: any(map(math.isfinite, values))), st.integers(1, 30))
def test_any_small_histogram_is_finite(values: list[float], bins: int) -> None:
    """A histogram of values that no bins can tell apart has heights and edges that can be drawn."""
    histogram = density_histogram(np.sort([value / 4 for value in values if math.isfinite(value)]), bins)
    assert np.isfinite([*histogram.heights, *histogram.edges]).all()
    assert len(histogram.edges) == len(histogram.heights) + 1 == bins + 1


@given(SAMPLE, SAMPLE)
def test_sturges_is_numpys(reference: list[float], current: list[float]) -> None:
    """Common bins are those of numpy's Sturges rule over both files, and so are the counts in them."""
    edges = sturges_edges(np.sort(reference), np.sort(current))
    expected = np.histogram_bin_edges(reference + current, "sturges")
    if min(reference + current) < max(reference + current):  # numpy widens a single value; here it has a bin of its own
        assert edges.tolist() == expected.tolist()
        assert bin_counts(np.sort(current), edges).tolist() == np.histogram(current, edges)[0].tolist()


@given(st.sampled_from(sorted(STATTESTS)), HOSTILE, HOSTILE)
def test_no_number_crashes_a_test(name: str, reference: list[float], current: list[float]) -> None:
    """Whatever the numbers are, a test gives a number or says why it cannot."""
    kind = NumericSamples if "num" in STATTESTS[name].feature_types else CategoricalSamples
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        try:
            score = STATTESTS[name].score(kind.of(numbers(*reference), numbers(*current)))
        except UntestableError as error:
            reason = str(error)
        else:
            reason = ""
            assert isinstance(score, float)
    assert reason == "" or reason.endswith(": not tested")


def test_text_in_one_file_only() -> None:
    """Numbers in one file are compared with the same numbers written as text in the other."""
    samples = CategoricalSamples.of(numbers(0, 1, 1), Labels((np.array([0, 1, 2, -1], np.int32),), ("0", "1", "?")))
    assert samples.tally.labels == ("0", "1", "?")
    assert samples.tally.reference.tolist() == [1, 2, 0]
    assert samples.tally.current.tolist() == [1, 1, 1]


def test_codes_with_zeros_in_front_compare_with_the_numbers_they_were_read_as() -> None:
    """One letter among postal codes makes text of them in that file alone: 01234 there is 1234 in the other."""
    zeros = Labels((np.array([0, 1, 2, 3], np.int32),), ("01234", "1234", "2.50", "K1A"))
    samples = CategoricalSamples.of(zeros, numbers(1234, 1234, 2.5, math.nan))
    assert samples.tally.labels == ("1234", "2.5", "K1A")
    assert samples.tally.reference.tolist() == [2, 1, 1]
    assert samples.tally.current.tolist() == [2, 1, 0]


def test_truth_values_compare_with_their_text() -> None:
    """A single "maybe" makes text of truth values, in that file alone: true there is True in the other."""
    told = Labels((np.array([0, 1, 2], np.int32),), ("true", "FALSE", "maybe"))
    truth = Labels((np.array([0, 1], np.int32),), (False, True))
    assert CategoricalSamples.of(told, truth).tally.labels == ("False", "True", "maybe")


def test_dates_as_categories() -> None:
    """Dates that are listed as categories are counted by their ISO text."""
    dates = Dates((np.array(["2020-01-01", "NaT", "2020-01-01"], "datetime64[D]"),))
    assert CategoricalSamples.of(dates, dates).tally.labels == ("2020-01-01",)


@pytest.mark.parametrize("kind, what", [(NumericSamples, "infinite or missing"), (CategoricalSamples, "missing")])
def test_an_empty_column_is_said_to_be_empty(kind: type[NumericSamples | CategoricalSamples], what: str) -> None:
    """A column without any value is not tested, and the file is named."""
    with pytest.raises(UntestableError, match=f"^every value is {what} in the current file"):
        kind.of(numbers(1, 2), numbers(math.nan, math.inf))


@pytest.mark.parametrize("name", ["chisquare", "g_test", "z"])
def test_a_single_label_cannot_drift(name: str) -> None:
    """A label that is the only one in both files gives a p-value of 1."""
    assert STATTESTS[name].score(CategoricalSamples.of(text(a=9), text(a=9))) == 1.0


def test_cramer_von_mises_needs_pairs() -> None:
    """A single row is answered with a reason, not with scipy's exception."""
    with pytest.raises(UntestableError, match="has a single row"):
        STATTESTS["cramer_von_mises"].score(NumericSamples.of(X, numbers(1)))


def test_g_test_needs_equal_sizes() -> None:
    """The G-test says that it cannot compare files of different length."""
    with pytest.raises(UntestableError, match="more values in one file"):
        STATTESTS["g_test"].score(CategoricalSamples.of(A, B))


FEATURE, TARGET = ComparedColumn("x", "feature", "num"), ComparedColumn("x", "target", "num")


@pytest.mark.parametrize(
    "column, options, name",
    [
        (FEATURE, {}, "ks"),
        (FEATURE, {"all_features_stattest": "psi"}, "psi"),
        (FEATURE, {"all_features_stattest": "psi", "num_features_stattest": "kl_div"}, "kl_div"),
        (FEATURE, {"all_features_stattest": "psi", "cat_features_stattest": "z"}, "psi"),
        (FEATURE, {"num_features_stattest": "kl_div", "per_feature_stattest": {"x": "mannw"}}, "mannw"),
        (FEATURE, {"num_features_stattest": "kl_div", "per_feature_stattest": {"y": "mannw"}}, "kl_div"),
        (FEATURE, {"feature_stattest_func": "wasserstein"}, "wasserstein"),
        (FEATURE, {"feature_stattest_func": {"x": "wasserstein"}}, "wasserstein"),
        (FEATURE, {"feature_stattest_func": {"y": "wasserstein"}}, "ks"),
        (FEATURE, {"num_target_stattest_func": "anderson"}, "ks"),
        (TARGET, {"num_target_stattest_func": "anderson", "all_features_stattest": "psi"}, "anderson"),
        (TARGET, {"cat_target_stattest_func": "z", "all_features_stattest": "psi"}, "ks"),
        (ComparedColumn("x", "prediction", "num"), {"all_features_stattest": "psi"}, "psi"),
    ],
)
def test_choice(column: ComparedColumn, options: dict[str, object], name: str) -> None:
    """A test named for the column wins over one for its type, and that over one for all; the target has its own."""
    chosen = choose_test(column, NumericSamples.of(X, Y), DataDriftOptions(**options))  # type: ignore[arg-type]
    assert chosen.name == name


def test_choice_of_the_wrong_type() -> None:
    """A test that cannot compare the column's type is refused, with the option and the column named."""
    options = DataDriftOptions(all_features_stattest="ks")
    with pytest.raises(
        ConfigError, match=r'all_features_stattest: "ks" cannot test "c", which is a categorical column'
    ):
        choose_test(ComparedColumn("c", "feature", "cat"), CategoricalSamples.of(A, B), options)


@pytest.mark.parametrize(
    "column, test, options, threshold",
    [
        (FEATURE, "ks", {}, 0.05),
        (FEATURE, "psi", {}, 0.1),
        (FEATURE, "ks", {"threshold": 0.3}, 0.3),
        (FEATURE, "psi", {"threshold": 0.3}, 0.3),
        (FEATURE, "ks", {"threshold": {"y": 0.3}}, 0.05),
        (FEATURE, "ks", {"confidence": 0.9}, 1 - 0.9),
        (FEATURE, "psi", {"confidence": 0.9}, 0.1),
        (FEATURE, "ks", {"confidence": {"x": 0.9}}, 1 - 0.9),
        (FEATURE, "ks", {"num_target_threshold": 0.2}, 0.05),
        (TARGET, "ks", {"num_target_threshold": 0.2, "threshold": 0.3}, 0.2),
        (TARGET, "ks", {"cat_target_threshold": 0.2, "threshold": 0.3}, 0.3),
    ],
)
def test_threshold(column: ComparedColumn, test: str, options: dict[str, object], threshold: float) -> None:
    """`threshold` applies to every test, `confidence` to p-values alone, and the target can have its own."""
    chosen = choose_threshold(column, STATTESTS[test], DataDriftOptions(**options))  # type: ignore[arg-type]
    assert chosen == threshold


SAMPLE = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@given(SAMPLE, SAMPLE)
def test_the_exact_ks_is_that_of_scipy(reference: list[int], current: list[int]) -> None:
    """Our own exact p-value, which spares small files an import, agrees with scipy's to nine digits, however small."""
    ascending = [np.sort(np.array(sample, float)) for sample in (reference, current)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a rounding leads scipy above 1, it gives up and takes an approximation
        expected = stats.ks_2samp(*ascending, method="exact").pvalue
    if exact_p_value(*ascending) == 1:
        return
    assert exact_p_value(*ascending) == pytest.approx(expected, rel=1e-9)
