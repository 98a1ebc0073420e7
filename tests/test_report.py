"""The closing figures, compared with their definitions and with numbers worked out by hand."""

import math

import numpy as np
import pytest

from scratchnn.report import classification_report, plain, r_squared, regression_report

TRUE = np.array([0, 0, 0, 1, 1, 2])
PRED = np.array([0, 0, 1, 1, 2, 2])


def test_classification_by_hand():
    report = classification_report(TRUE, PRED, ["ant", "bee", "cat"], trivial_class=0)
    np.testing.assert_allclose(report.precision, [1, 1 / 2, 1 / 2])
    np.testing.assert_allclose(report.recall, [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(report.f1, [4 / 5, 1 / 2, 2 / 3])
    assert report.support.tolist() == [3, 2, 1]
    assert report.accuracy == pytest.approx(4 / 6)
    assert report.trivial_accuracy == pytest.approx(3 / 6)
    assert str(report) == (
        "class  precision  recall     F1    rows\n"
        "ant        1.000   0.667  0.800       3\n"
        "bee        0.500   0.500  0.500       2\n"
        "cat        0.500   1.000  0.667       1\n"
        "mean       0.667   0.722  0.656       6\n"
        "\n"
        "accuracy 0.6667, where always answering ant has 0.5000"
    )


def test_figures_without_a_divisor_are_dashes_and_not_in_the_mean():
    report = classification_report(np.array([0, 0]), np.array([0, 0]), ["a", "b"], trivial_class=0)
    assert math.isnan(report.precision[1])
    assert math.isnan(report.recall[1])
    assert math.isnan(report.f1[1])
    assert "b              –       –      –       0" in str(report)
    assert "mean       1.000   1.000  1.000       2" in str(report)


def test_unknown_label_is_answered_wrongly():
    report = classification_report(np.array([-1, 1]), np.array([0, 1]), ["a", "b"], trivial_class=1)
    assert report.accuracy == 0.5
    assert report.support.tolist() == [0, 1]
    assert report.precision.tolist() == [0, 1]


def test_all_labels_unknown_has_no_mean_recall():
    report = classification_report(np.array([-1]), np.array([0]), ["a", "b"], trivial_class=1)
    assert "mean       0.000       –  0.000       0" in str(report)


def test_many_classes_show_those_that_do_worst():
    y = np.arange(100)
    pred = np.where(y == 77, 0, y)
    text = str(classification_report(y, pred, [f"c{i}" for i in y], trivial_class=0))
    assert "\nc77 " in text
    assert "the 40 of 100 classes with the lowest F1 are shown" in text
    assert len(text.splitlines()) == 1 + 40 + 1 + 1 + 2


def test_labels_are_aligned_and_safe_to_print():
    report = classification_report(
        np.array([0, 1, 2]),
        np.array([0, 1, 2]),
        ["\x1b[31mred", "日本", "e\u0301" + "x" * 50],
        trivial_class=0,
    )
    lines = str(report).splitlines()
    assert "\x1b" not in str(report)
    assert lines[1].startswith("\N{REPLACEMENT CHARACTER}[31mred ")
    assert lines[2].startswith("日本 ")
    assert lines[3].startswith("e\u0301" + "x" * 27 + "…")
    assert len(lines[2]) == len(lines[1]) - 2  # each of the two takes two columns of a terminal
    assert plain(7) == "7"


def test_regression_by_hand():
    report = regression_report(np.array([1.0, 2, 3, 6]), np.array([1.0, 2, 4, 4]), trivial_guess=2.0)
    assert report.r2 == pytest.approx(1 - 5 / 14)
    assert report.rmse == pytest.approx(math.sqrt(5 / 4))
    assert report.mae == pytest.approx(3 / 4)
    assert report.trivial_r2 == pytest.approx(1 - 18 / 14)
    assert report.trivial_rmse == pytest.approx(math.sqrt(18 / 4))
    assert report.trivial_mae == pytest.approx(6 / 4)
    assert str(report) == (
        "                   R²         RMSE          MAE\n"
        "network         0.643        1.118         0.75\n"
        "always 2       -0.286       2.1213          1.5"
    )


def test_r_squared_of_equal_targets_is_undefined():
    assert math.isnan(r_squared(np.ones(3), np.zeros(3)))
    assert math.isnan(r_squared(np.ones(1), np.ones(1)))
    report = regression_report(np.ones(2), np.ones(2), trivial_guess=1.0)
    assert (report.rmse, report.mae) == (0, 0)
    assert "–" in str(report)


def test_huge_numbers_do_not_overflow():
    y = np.array([1e300, -1e300, 5e299])
    report = regression_report(y, y / 2, trivial_guess=0.0)
    assert report.trivial_rmse == pytest.approx(1e300 * math.sqrt(2.25 / 3))
    assert report.r2 == pytest.approx(r_squared(y / 1e300, y / 2e300))


def test_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(5)
    y, pred = random.integers(0, 5, (2, 300))
    report = classification_report(y, pred, range(5), trivial_class=0)
    expected = metrics.precision_recall_fscore_support(y, pred)
    for ours, theirs in zip((report.precision, report.recall, report.f1, report.support), expected, strict=True):
        np.testing.assert_allclose(ours, theirs)
    t, z = random.normal(size=(2, 50))
    numbers = regression_report(t, z, trivial_guess=0.0)
    assert numbers.r2 == pytest.approx(metrics.r2_score(t, z))
    assert numbers.mae == pytest.approx(metrics.mean_absolute_error(t, z))
