"""The learning curve: what is drawn, and that a picture comes out."""

from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from scratchnn.plotting import learning_curve, save_learning_curve


def history(loss, validation_loss=()):
    return SimpleNamespace(loss=list(loss), validation_loss=list(validation_loss))


def draw(*args, **kwargs):
    return learning_curve(history(*args), Figure().add_subplot(), **kwargs)


def points(line):
    return list(zip(*line.get_data(), strict=True))


def test_both_losses_and_the_best_epoch():
    axes = draw([4, 3, 2, 1], [4, 2, 3, 5], title="a: b", loss_name="cross_entropy")
    training, held_out, best, _ = axes.get_lines()
    assert points(training) == [(1, 4), (2, 3), (3, 2), (4, 1)]
    assert points(held_out) == [(1, 4), (2, 2), (3, 3), (4, 5)]
    assert points(best) == [(2, 2)]
    assert [text.get_text() for text in axes.texts] == ["best: epoch 2, 2"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training rows", "held-out rows"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left")) == (
        "epoch",
        "cross entropy",
        "a: b",
    )


def test_training_loss_alone():
    axes = draw([2, 1])
    assert len(axes.get_lines()) == 1
    assert not axes.texts


def test_held_out_rows_that_came_later():
    _, held_out, best, _ = draw([5, 4, 3, 2], [4, 3]).get_lines()
    assert points(held_out) == [(3, 4), (4, 3)]
    assert points(best) == [(4, 3)]


@pytest.mark.parametrize(
    ("loss", "scale"),
    [
        ([2, 1.5, 1], "linear"),
        ([2, 1, 0.15], "log"),
        ([1e3, 1, 1e-6], "log"),
        ([1, 0], "linear"),
        ([1, -9], "linear"),
    ],
)
def test_a_loss_that_falls_far_has_a_logarithmic_axis(loss, scale):
    assert draw(loss).get_yscale() == scale


@pytest.mark.parametrize(("best", "alignment"), [(1, "left"), (5, "center"), (10, "right")])
def test_the_label_stays_inside(best, alignment):
    (label,) = draw([1] * 10, [1 if i == best else 2 for i in range(1, 11)]).texts
    assert label.get_horizontalalignment() == alignment


def test_one_epoch_is_a_point_and_no_best_without_a_finite_loss():
    axes = draw([1.0], [float("nan")])
    assert axes.get_lines()[0].get_marker() == "o"
    assert not axes.texts


def test_no_epoch_is_refused():
    with pytest.raises(ValueError, match="no epoch to draw"):
        draw([])


@pytest.mark.parametrize(("suffix", "signature"), [("png", b"\x89PNG"), ("SVG", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures(tmp_path, suffix, signature):
    path = tmp_path / f"curve.{suffix}"
    save_learning_curve(history([3, 2, 1], [3, 2, 2.5]), path, title="年齢 $x$ \\frac")
    assert path.read_bytes().startswith(signature)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_other_suffixes_and_places_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in .png, .svg or .pdf: '.*curve.jpg'"):
        save_learning_curve(history([1]), tmp_path / "curve.jpg")
    with pytest.raises(FileNotFoundError):
        save_learning_curve(history([1]), tmp_path / "nowhere" / "curve.png")
