"""The rows that are held out of training."""

import numpy as np
import pytest

from scratchnn.holdout import hold_out


def text(*cells):
    return np.array(cells, dtype=object)


def test_rows_are_split_once_and_by_the_seed_alone():
    training, held_out = hold_out(101, 0.2, seed=3)
    assert len(held_out) == 20
    assert sorted([*training, *held_out]) == list(range(101))
    assert hold_out(101, 0.2, seed=3)[1].tolist() == held_out.tolist()
    assert hold_out(101, 0.2, seed=4)[1].tolist() != held_out.tolist()


def test_classes_are_held_out_in_proportion():
    labels = np.repeat(["a", "b", "c", "d"], [50, 30, 17, 1])
    training, held_out = hold_out(98, 0.2, 0, labels)
    assert dict(zip(*np.unique(labels[held_out], return_counts=True), strict=True)) == {
        "a": 10,
        "b": 6,
        "c": 4,
    }
    assert set(labels[training]) == set("abcd")


@pytest.mark.parametrize("seed", range(5))
def test_every_class_keeps_a_training_row(seed):
    labels = np.random.default_rng(seed).integers(0, 12, 30)
    training, held_out = hold_out(30, 0.7, seed, labels)
    assert set(labels[training]) == set(labels)
    assert len(training) + len(held_out) == 30


def test_at_least_one_row_is_held_out_and_none_if_asked():
    assert len(hold_out(3, 0.01, 0)[1]) == 1
    assert len(hold_out(2, 0.99, 0)[1]) == 1
    assert len(hold_out(3, 0.0, 0, text("a", "b", "c"))[1]) == 0


def test_rows_that_cannot_be_spared():
    with pytest.raises(ValueError, match="there is one row only: none can be held out"):
        hold_out(1, 0.2, 0)
    with pytest.raises(ValueError, match="every class has one row only"):
        hold_out(3, 0.2, 0, text("a", "b", "c"))
