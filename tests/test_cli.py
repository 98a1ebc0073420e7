"""The command line from end to end: what people type, what they read, and the exit codes."""

import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import exported
import numpy as np
import pytest

import scratchnn
from scratchnn import cli
from scratchnn.cli import console
from scratchnn.columns import ColumnPreparation

DIGITS = Path(__file__).parent.parent / "examples" / "data" / "digits.csv"
ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and devices of POSIX")
DEV_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """An empty working directory, and no colour or width of the caller's terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["/usr/bin/scratchnn"])
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/scratchnn")
    return tmp_path


@pytest.fixture
def run(capfd):
    """Run a command in this process; returns exit code, standard output and standard error."""

    def run_command(*arguments, stdin=None):
        with pytest.MonkeyPatch.context() as patch:
            if stdin is not None:
                patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            code = cli.main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run_command


def write_flowers(path="flowers.csv", n=90, header="id,petal,colour,kind"):
    random = np.random.default_rng(1)
    kinds = ["iris", "lily", "rose"]
    lines = [header]
    for i in range(n):
        k = i % 3
        lines.append(f"x{i},{k + random.normal(0, 0.2):.3f},{['blue', 'white', 'red'][k]},{kinds[k]}")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_houses(path="houses.csv", n=120):
    random = np.random.default_rng(2)
    x = random.normal(size=(n, 2))
    y = 1000 + 100 * (x @ [1, -2]) + random.normal(size=n)
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="size,age,price", comments="", fmt="%.6g")
    return path


@pytest.fixture
def flowers(run):
    """A trained model of flowers.csv."""
    write_flowers()
    assert run("train", "flowers.csv", "--target", "kind", "--drop", "id", "--no-curve", "-q") == (0, "", "")
    return "flowers.snn"


# ---- train ----


def test_digits_are_learnt_as_the_documents_promise(run):
    code, out, err = run("train", DIGITS, "--target", "digit")
    network = scratchnn.load("digits.snn")
    assert code == 0, err
    assert network.history.seconds < 2
    assert "classification: 'digit' holds only 10 whole numbers" in out
    accuracy = float(out.split("\naccuracy ")[1].split(",")[0])
    assert accuracy >= 0.97
    assert "where always answering 1 has 0.1003" in out
    assert Path("digits-curve.png").read_bytes().startswith(b"\x89PNG")
    assert out.rstrip().endswith(f"next      scratchnn predict digits.snn {DIGITS}")


def test_the_same_command_gives_the_same_network(run):
    write_flowers()
    for name in ("a.snn", "b.snn"):
        run(
            "train",
            "flowers.csv",
            "--target",
            "kind",
            "--drop",
            "id",
            "-o",
            name,
            "--no-curve",
            "-q",
            "--epochs",
            5,
        )
    a, b = scratchnn.load("a.snn"), scratchnn.load("b.snn")
    assert a.history.loss == b.history.loss
    for left, right in zip(a.layers, b.layers, strict=True):
        np.testing.assert_array_equal(left.weights, right.weights)


def test_classes_of_text(run):
    write_flowers()
    code, out, err = run("train", "flowers.csv", "--target", "kind", "--drop", "id", "--curve", "c.svg")
    assert (code, err) == (0, "")
    assert out.splitlines()[:5] == [
        "table     90 rows, columns: 1 of numbers and 1 of text, to predict 'kind'",
        "task      classification: 'kind' is text",
        "rows      72 to learn from, 18 held out, each class in proportion (seed 0)",
        "network   4 -> 128 relu -> 3 softmax, 1,027 parameters, float32",
        "training  cross_entropy by adam, batches of 32, at most 500 epochs",
    ]
    assert "held-out rows: 18\n\nclass  precision" in out
    assert sorted(os.listdir()) == ["c.svg", "flowers.csv", "flowers.snn"]
    metadata = scratchnn.load("flowers.snn").metadata
    assert metadata["classes"] == ["iris", "lily", "rose"]
    assert metadata["task"] == "classification"
    assert ColumnPreparation.from_dict(metadata["preparation"]).n_inputs == 4


def test_regression_is_reported_in_units_of_the_data(run):
    write_houses()
    code, out, _ = run("train", "houses.csv", "--target", "price", "--no-curve")
    assert code == 0
    report = out.split("held-out rows: 24\n\n")[1].splitlines()
    network, trivial = report[1].split(), report[2].split()
    assert float(network[-3]) > 0.95
    assert float(trivial[-2]) > 100
    assert scratchnn.load("houses.snn").metadata["classes"] is None


def test_options_reach_the_network(run):
    write_houses()
    options = "--hidden 5,4 --activation tanh --optimizer sgd --learning-rate 0.05 --batch-size full --epochs 7"
    more = "--patience 0 --validation-fraction 0 --seed 9 --threads 1 --dtype float64 --task regression"
    code, out, _ = run("train", "houses.csv", "--target", "price", *f"{options} {more} --no-curve".split())
    network = scratchnn.load("houses.snn")
    assert code == 0
    assert network.layer_sizes == (2, 5, 4, 1)
    assert [layer.activation for layer in network.layers] == ["tanh", "tanh", "identity"]
    assert (network.optimizer.name, network.optimizer.learning_rate) == ("sgd", 0.05)
    assert (network.history.epochs, network.seed, network.dtype) == (7, 9, np.float64)
    assert "120 to learn from, none held out" in out
    assert "training rows, as none were held out: 120" in out
    assert "lowest held-out loss" not in out


def test_lbfgs_takes_all_rows_at_once(run):
    write_houses()
    options = "--target price --optimizer lbfgs --hidden none --patience 0 --no-curve"
    code, out, _ = run("train", "houses.csv", *options.split())
    assert code == 0
    assert "by lbfgs, batches of full, at most 500 epochs" in out
    assert "samples/s, converged\n" in out
    assert scratchnn.load("houses.snn").optimizer.name == "lbfgs"
    code, _, err = run("train", "houses.csv", *options.split(), "--batch-size", "8")
    assert code == 1
    assert "batch_size is 8, of 96 samples; lbfgs takes all at once" in err


def test_no_hidden_layer_and_early_stopping(run):
    write_flowers()
    args = "--target kind --drop id --hidden none --learning-rate 1 --patience 1 --no-curve"
    code, out, _ = run("train", "flowers.csv", *args.split())
    assert code == 0
    assert "network   4 -> 3 softmax, 15 parameters" in out
    assert "no lower held-out loss for 1 epoch\n" in out
    assert "whose weights are kept" in out


def test_standard_input_and_names_that_need_quotes(run):
    table = Path(write_houses()).read_bytes()
    code, out, _ = run("train", "-", "--target", "price", "--epochs", 2, "-o", "my model", stdin=table)
    assert code == 0
    assert "next      scratchnn predict 'my model' NEW.csv" in out
    assert os.path.exists("my model-curve.png")
    code, _, _ = run("train", "-", "--target", "price", "--epochs", 2, "-q", stdin=table)
    assert code == 0
    assert os.path.exists("model.snn")


def test_the_next_command_is_typed_as_this_one_was(monkeypatch):
    assert console.program() == "scratchnn"
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["./my venv/scratchnn"])
    assert console.program() == "'./my venv/scratchnn'"
    monkeypatch.setattr(sys, "argv", ["/lib/scratchnn/__main__.py"])
    assert console.program() == "python -m scratchnn"


def test_warnings_are_lines_of_the_command(run):
    Path("t.csv").write_text("n,c,y\n" + "".join(f"{i},{'ab'[i % 2]},{i % 2}\n" for i in range(20)))
    code, out, err = run("train", "t.csv", "--target", "y", "--epochs", 1, "--no-curve", "-q")
    assert (code, out) == (0, "")
    assert err.startswith("scratchnn: warning: column 'n' counts the rows; ")
    assert err.count("\n") == 1


def test_outputs_are_checked_before_the_table_is_read(run):
    write_houses()
    os.mkdir("d")
    for arguments, message in [
        (["-o", "nowhere/m.snn"], "'nowhere/m.snn': No such file or directory"),
        (["-o", "d"], "'d': Is a directory"),
        (["-o", "houses.csv"], "'houses.csv' is read by this command and cannot be its output as well"),
        (["--curve", "nowhere/c.png"], "'nowhere/c.png': No such file or directory"),
    ]:
        code, out, err = run("train", "houses.csv", "--target", "no such column", *arguments)
        assert (code, out, err) == (1, "", f"scratchnn: error: {message}\n")


@ON_POSIX
def test_protected_and_special_files_are_no_outputs(run, monkeypatch):
    write_houses()
    os.mkfifo("pipe")
    assert "'pipe': Not a regular file" in run("train", "houses.csv", "--target", "price", "-o", "pipe")[2]
    Path("m.snn").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "'m.snn': Permission denied" in run("train", "houses.csv", "--target", "price", "-o", "m.snn")[2]


def test_too_many_names_for_a_model_file_are_told_before_training(run):
    names = [f"{i:06}" + "x" * 300 for i in range(3000)]
    Path("wide.csv").write_text(",".join([*names, "y"]) + "\n" + "".join(f"{'0,' * 3000}{i % 2}\n" for i in range(8)))
    code, out, err = run("train", "wide.csv", "--target", "y", "--no-curve")
    assert code == 1
    assert "of the columns take" in err
    assert "training" not in out


def test_divergence_is_an_error(run):
    write_houses()
    code, _, err = run("train", "houses.csv", "--target", "price", "--learning-rate", 1e30, "--no-curve", "-q")
    assert code == 1
    assert err.startswith("scratchnn: error: training diverged in epoch 1")
    assert not os.path.exists("houses.snn")


def test_an_interrupted_training_is_written(run, monkeypatch):
    from scratchnn.cli import train as module

    write_houses()

    class Interrupting(module.ProgressBar):
        def on_epoch_end(self, network, epoch, history):
            super().on_epoch_end(network, epoch, history)
            if epoch == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(module, "ProgressBar", Interrupting)
    code, out, err = run("train", "houses.csv", "--target", "price")
    assert code == 130
    assert err == "scratchnn: warning: interrupted in epoch 4; houses.snn holds the model so far\n"
    assert "next" not in out
    network = scratchnn.load("houses.snn")
    assert (network.history.epochs, network.history.stopped) == (3, "interrupted")
    assert os.path.exists("houses-curve.png")


# ---- predict ----


def test_predictions_are_those_of_the_network(run, flowers):
    code, out, err = run("predict", flowers, "flowers.csv")
    answers = out.splitlines()
    assert code == 0
    assert answers[0] == "predicted_kind"
    assert len(answers) == 91
    assert err.startswith(
        "ignored columns that the model was not trained on: 'id'\nscored on 90 rows with column 'kind':\n\nclass "
    )
    code, out, err = run("predict", flowers, "flowers.csv", "--probabilities", "--output", "p.csv", "--quiet")
    assert (code, out, err) == (0, "", "")
    lines = Path("p.csv").read_text().splitlines()
    assert lines[0] == "predicted_kind,probability_iris,probability_lily,probability_rose"
    for answer, line in zip(answers[1:], lines[1:], strict=True):
        label, *probabilities = line.split(",")
        assert label == answer == ["iris", "lily", "rose"][np.argmax([float(p) for p in probabilities])]
        assert sum(map(float, probabilities)) == pytest.approx(1, abs=1e-5)


def test_columns_are_found_by_name_in_any_order(run, flowers):
    _, expected, _ = run("predict", flowers, "flowers.csv", "-q")
    lines = [line.split(",") for line in Path("flowers.csv").read_text().splitlines()]
    Path("other.csv").write_text("".join(f"{colour};{petal}\r\n" for _, petal, colour, _ in lines))
    assert run("predict", flowers, "other.csv") == (0, expected, "")
    assert run("predict", flowers, "-", stdin=Path("other.csv").read_bytes()) == (0, expected, "")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_predicted_in_their_units(run, dtype):
    write_houses()
    run("train", "houses.csv", "--target", "price", "--dtype", dtype, "--no-curve", "-q")
    code, out, err = run("predict", "houses.snn", "houses.csv")
    assert code == 0
    network = scratchnn.load("houses.snn")
    table = np.loadtxt("houses.csv", delimiter=",", skiprows=1)
    preparation = ColumnPreparation.from_dict(network.metadata["preparation"])
    x = preparation.inputs({"size": table[:, 0], "age": table[:, 1]}, dtype)
    expected = preparation.predictions(network.predict(x))
    np.testing.assert_allclose(np.array(out.split()[1:], float), expected, rtol=1e-7 if dtype == "float32" else 0)
    assert "scored on 120 rows with column 'price':" in err
    code, _, err = run("predict", "houses.snn", "houses.csv", "--probabilities")
    assert code == 2
    assert "'houses.snn' predicts numbers, not classes. See 'scratchnn predict --help'." in err


def test_unseen_categories_and_labels_are_counted(run, flowers):
    text = Path("flowers.csv").read_text()
    Path("new.csv").write_text(text.replace("blue", "mauve").replace("rose", "tulip"))
    code, _, err = run("predict", flowers, "new.csv", "-o", os.devnull)
    assert code == 0
    assert "scratchnn: warning: column 'colour' has 30 cells of a category that the training rows did not" in err
    assert "30 rows of a class that the training rows did not have: counted as wrong" in err


def test_targets_that_cannot_be_scored_are_said(run, flowers):
    lines = Path("flowers.csv").read_text().splitlines()
    Path("empty.csv").write_text("\n".join([lines[0], *(line.rsplit(",", 1)[0] + "," for line in lines[1:])]))
    code, out, err = run("predict", flowers, "empty.csv")
    assert (code, out.count("\n")) == (0, 91)
    assert "not scored: column 'kind' is empty" in err
    write_houses()
    run("train", "houses.csv", "--target", "price", "--epochs", 1, "--no-curve", "-q")
    Path("words.csv").write_text("size,age,price\n1,2,dear\n")
    code, _, err = run("predict", "houses.snn", "words.csv")
    assert code == 0
    assert "not scored: column 'price' held numbers in training, and holds text now, such as 'dear'" in err


def test_missing_cells_in_new_tables(run, flowers):
    text = Path("flowers.csv").read_text()
    Path("holes.csv").write_text(text.replace(",blue,", ",,"))
    code, out, err = run("predict", flowers, "holes.csv")
    assert (code, out) == (1, "")
    assert "'colour' has 30 missing cells, the first in row 1; a model trained with --missing mean" in err
    run(
        "train",
        "holes.csv",
        "--target",
        "kind",
        "--drop",
        "id",
        "--missing",
        "mean",
        "-q",
        "--no-curve",
        "-o",
        "h.snn",
    )
    code, out, _ = run("predict", "h.snn", "holes.csv")
    assert (code, out.count("\n")) == (0, 91)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,petal,Colour,kind", "1 of the 2 columns that the network was trained on is missing: 'colour'"),
        (
            "id,colour,petal,kind",
            "column 'petal' held numbers in training, and holds text now, such as 'blue' in row 1",
        ),
    ],
)
def test_tables_that_do_not_fit(run, flowers, header, message):
    write_flowers("new.csv", header=header)
    code, out, err = run("predict", flowers, "new.csv")
    assert (code, out) == (1, "")
    assert message in err
    assert err.count("\n") == 1


def test_outputs_of_predict_are_checked(run, flowers):
    for output in ("flowers.csv", flowers):
        assert "cannot be its output as well" in run("predict", flowers, "flowers.csv", "-o", output)[2]
    assert "'nowhere/x'" in run("predict", flowers, "flowers.csv", "-o", "nowhere/x")[2]


@DEV_FULL
def test_full_disks_are_said(run, flowers):
    code, _, err = run("predict", flowers, "flowers.csv", "-o", "/dev/full")
    assert (code, err) == (1, "scratchnn: error: cannot write the output: No space left on device\n")


# ---- info ----


def test_info_of_a_model(run, flowers):
    code, out, err = run("info", flowers)
    assert (code, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["network"] == "4 -> 128 relu -> 3 softmax, 1,027 parameters, float32"
    assert lines["optimizer"].startswith("adam, learning rate 0.001, beta1 0.9")
    assert "lowest held-out loss" in lines["training"]
    assert lines["task"] == "classification of kind"
    assert lines["classes"] == "3: iris, lily, rose"
    assert lines["numbers"] == "1: petal"
    assert lines["text"] == "1: colour (3 categories)"
    assert lines["missing"] == "cells are refused"


def test_info_of_a_wide_regression(run):
    n = 20
    table = np.random.default_rng(0).normal(size=(30, n + 1))
    names = ",".join([*(f"x{i}" for i in range(n)), "y"])
    np.savetxt("wide.csv", table, delimiter=",", header=names, comments="")
    args = "--target y --validation-fraction 0 --missing mean --epochs 1 --no-curve -q"
    run("train", "wide.csv", *args.split())
    _, out, _ = run("info", "wide.snn")
    assert "task      regression of y\n" in out
    assert "numbers   20: x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, …\n" in out
    assert "held-out" not in out
    assert "missing   cells are filled in" in out


def test_info_of_a_network_from_python(run):
    scratchnn.NeuralNetwork([2, 3, 1]).save("plain.snn")
    code, out, _ = run("info", "plain.snn")
    assert code == 0
    assert "optimizer none yet\ntraining  none yet\n" in out
    code, _, err = run("predict", "plain.snn", "x.csv")
    assert code == 1
    assert "'plain.snn' holds a network and no preparation of columns: it was saved from Python" in err


def test_info_of_the_installation(run):
    code, out, err = run("info")
    assert (code, err) == (0, "")
    assert scratchnn.__version__ in out


def test_models_that_are_none(run):
    Path("bad.snn").write_bytes(b"\x89SNN nonsense")
    for command in (["info", "bad.snn"], ["predict", "bad.snn", "x.csv"]):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert err.startswith("scratchnn: error: ")
        assert "bad.snn" in err
    assert run("info", "none.snn")[2] == "scratchnn: error: 'none.snn': No such file or directory\n"
    assert "a model is read from a file, not from standard input" in run("info", "-")[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(task="regression"), "task or classes contradict the preparation"),
        (lambda m: m.update(classes=None), "task or classes contradict"),
        (
            lambda m: m["preparation"]["features"].pop(),
            "is of 1 inputs and 3 outputs, the network of 4 and 3",
        ),
        (lambda m: m["preparation"].update(more=1), "preparation has an unknown key"),
        (lambda m: m.update(preparation=None), "preparation must be an object"),
    ],
)
def test_hostile_preparations_are_refused(run, flowers, change, message):
    network = scratchnn.load(flowers)
    change(network.metadata)
    network.save("hostile.snn")
    for command in (["info", "hostile.snn"], ["predict", "hostile.snn", "flowers.csv"]):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert "'hostile.snn' is not a sound model" in err
        assert message in err


def test_names_in_a_model_cannot_command_the_terminal(run, flowers):
    network = scratchnn.load(flowers)
    network.metadata["preparation"]["features"][0]["name"] = "\x1b[2J"
    network.metadata["note"] = "of the owner's own"
    network.save("hostile.snn")
    for command in (["info", "hostile.snn"], ["predict", "hostile.snn", "flowers.csv"]):
        _, out, err = run(*command)
        assert "\x1b" not in out + err


# ---- wrong usage, exit codes ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("trian", "No such command 'trian'"),
        ("train t.csv", "Missing option '--target'. See 'scratchnn train --help'."),
        ("train t.csv --target y --hiden 3", "No such option"),
        (
            "train t.csv --target y --hidden 3,x",
            "'3,x' is neither a list of layer sizes, as in 64,32, nor 'none'",
        ),
        ("train t.csv --target y --hidden 0", "'0' is neither a list"),
        ("train t.csv --target y --activation rleu", "Did you mean 'relu'?"),
        ("train t.csv --target y --optimizer adma", "Did you mean 'adam'?"),
        ("train t.csv --target y --learning-rate nan", "learning_rate is nan; expected a finite number > 0"),
        ("train t.csv --target y --learning-rate quick", "'quick'"),
        ("train t.csv --target y --batch-size 0", "'0' is neither a number of rows nor 'full'"),
        ("train t.csv --target y --epochs 0", "'--epochs'"),
        ("train t.csv --target y --validation-fraction 1", "'--validation-fraction'"),
        ("train t.csv --target y --encoding klingon", "unknown encoding: klingon"),
        ("train t.csv --target y --encoding rot13", "not a text encoding"),
        ("train t.csv --target y --curve c.jpg", "'c.jpg' does not end in .png, .svg, .pdf"),
        ("train t.csv --target y -o -", "a model is written to a file, not to standard output"),
        ("train t.csv --target y -o a.png --curve a.png", "--output and --curve name the same file"),
        ("predict", "Missing argument 'MODEL'"),
        ("export-c", "Missing argument 'MODEL'"),
        ("export-c m.snn --weights int8", "--weights int8 needs --rows: its error is measured on them"),
        ("export-c m.snn --weights int16", "'int16' is not one of"),
        ("export-c m.snn --name a-b", "name is 'a-b'; expected an identifier of C"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(run, arguments, message):
    code, out, err = run(*arguments.split())
    assert (code, out) == (2, "")
    assert err.startswith("scratchnn: error: ")
    assert message in err
    assert err.endswith("--help'.\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["-h"], ["train", "-h"], ["predict", "-h"], ["info", "-h"], ["export-c", "-h"]]
)
def test_help(run, arguments):
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: scratchnn")
    assert max(map(len, out.splitlines())) <= 100


def test_version(run):
    assert run("--version") == (0, f"scratchnn {scratchnn.__version__}\n", "")


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "not enough memory"),
        (MemoryError("Unable to allocate 9 TiB"), 1, "not enough memory: Unable to allocate 9 TiB"),
        (OSError("odd"), 1, "cannot write the output: odd"),
        (
            ModuleNotFoundError("No module named 'tqdm'", name="tqdm"),
            1,
            "needs tqdm: pip install 'scratchnn[cli]'",
        ),
        (FloatingPointError("of two\n  lines"), 1, "of two lines"),
    ],
)
def test_errors_are_one_line(run, monkeypatch, raised, code, message):
    def fail(*_):
        raise raised

    monkeypatch.setattr("scratchnn.cli.commands.tell", fail)
    result, out, err = run("info")
    assert (result, out) == (code, "")
    assert err.startswith("scratchnn: error: ")
    assert err.endswith(f"{message}\n")


def test_faults_of_the_program_keep_their_traceback(run, monkeypatch):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'nonsense'", name="nonsense")

    monkeypatch.setattr("scratchnn.cli.commands.tell", fail)
    with pytest.raises(ModuleNotFoundError):
        run("info")


def test_without_click_info_alone_works(run, flowers, monkeypatch):
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "scratchnn.cli.commands", raising=False)
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert scratchnn.__version__ in run("info")[1]
    assert "classification of kind" in run("info", flowers)[1]
    for arguments in ([], ["info", "--help"], ["train", "t.csv"]):
        assert run(*arguments) == (
            1,
            "",
            "scratchnn: error: this needs click: pip install 'scratchnn[cli]'\n",
        )


def test_without_matplotlib_a_training_fails_early_unless_no_curve_is_asked_for(run, monkeypatch):
    write_houses()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = run("train", "houses.csv", "--target", "price", "--epochs", 1)
    assert (code, out, err) == (
        1,
        "",
        "scratchnn: error: this needs matplotlib: pip install 'scratchnn[cli]'\n",
    )
    assert run("train", "houses.csv", "--target", "price", "--epochs", 1, "--no-curve")[0] == 0


def test_a_closed_output_is_said(run, flowers, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    code, _, err = run("predict", flowers, "flowers.csv", "-q")
    assert (code, err) == (1, "scratchnn: error: cannot write the output: standard output is closed\n")


# ---- as processes ----


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "scratchnn", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **options,
    )


def test_as_a_module_from_pipe_to_pipe():
    train = start("train", "-", "--target", "price", "--epochs", 3, stdin=subprocess.PIPE)
    out, err = train.communicate(Path(write_houses()).read_text())
    assert (train.returncode, err) == (0, "")
    assert "next      python -m scratchnn predict model.snn NEW.csv" in out
    predict = start("predict", "model.snn", "-", stdin=subprocess.PIPE)
    out, err = predict.communicate("age,size\n1,2\n3,4\n")
    assert (predict.returncode, err, out.count("\n")) == (0, "", 3)


def test_the_module_runs_the_command(run, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["scratchnn", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("scratchnn", run_name="__main__")
    assert end.value.code == 0
    assert capfd.readouterr().out.startswith("scratchnn ")


def test_an_encoding_can_be_named(run):
    Path("t.csv").write_bytes(("größe,y\n" + "".join(f"{i * i},{i % 2}\n" for i in range(20))).encode("latin-1"))
    args = ["t.csv", "--target", "y", "--epochs", 1, "--no-curve", "-q"]
    assert "name its encoding, as in --encoding latin-1" in run("train", *args)[2]
    assert run("train", *args, "--encoding", "latin-1") == (0, "", "")


def test_names_that_the_terminal_lacks():
    Path("t.csv").write_text("年齢,y\n" + "".join(f"{i * i},{'良悪'[i % 2]}\n" for i in range(20)), encoding="utf-8")
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    train = start("train", "t.csv", "--target", "y", "--epochs", 1, "--no-curve", env=env)
    out, err = train.communicate()
    assert (train.returncode, err) == (0, "")
    assert "where always answering ? has" in out


@ON_POSIX
def test_a_reader_that_leaves_is_no_error(flowers):
    header, *rows = Path("flowers.csv").read_text().splitlines(keepends=True)
    Path("long.csv").write_text(header + "".join(rows * 500))
    predict = start("predict", flowers, "long.csv", "-q")
    assert predict.stdout.readline() == "predicted_kind\n"
    predict.stdout.close()
    assert predict.stderr.read() == ""
    predict.stderr.close()
    assert predict.wait() == 141
    train = start("train", "flowers.csv", "--target", "kind", "--drop", "id", "--no-curve", "-o", "piped.snn")
    train.stdout.close()
    assert train.stderr.read() == ""
    train.stderr.close()
    assert train.wait() == 0
    assert os.path.exists("piped.snn")


def run_into(output, *arguments):
    """Run a command in this process with standard output going to an open file."""
    # Not a fixture: pytest sets sys.stdout after those.
    with output, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        return cli.main(list(arguments))


def broken_pipe():
    """Open a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w")


@ON_POSIX
def test_what_is_said_to_a_broken_pipe_is_lost_and_the_work_goes_on():
    write_houses()
    train = ["train", "houses.csv", "--target", "price", "--epochs", "1", "--no-curve"]
    assert run_into(broken_pipe(), *train) == 0
    assert os.path.exists("houses.snn")


@ON_POSIX
def test_answers_to_a_broken_pipe_end_the_work(flowers):
    assert run_into(broken_pipe(), "predict", flowers, "flowers.csv", "-q") == 141


@DEV_FULL
def test_output_to_a_full_disk_is_an_error():
    full = open("/dev/full", "w")  # noqa: SIM115
    assert run_into(full, "info") == 1


@DEV_FULL
def test_a_full_standard_output_is_said(flowers):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "scratchnn", "predict", flowers, "flowers.csv", "-q"]
        predict = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert predict.returncode == 1
    assert predict.stderr == "scratchnn: error: cannot write the output: No space left on device\n"


@ON_POSIX
def test_ctrl_c_writes_the_model_so_far():
    write_houses()
    train = start("train", "houses.csv", "--target", "price", "--epochs", 10**9, "--patience", 0, "--no-curve")
    for line in train.stdout:
        if line.startswith("training"):
            break
    time.sleep(0.3)
    asked = time.perf_counter()
    train.send_signal(signal.SIGINT)
    _, err = train.communicate()
    assert time.perf_counter() - asked < 5
    assert train.returncode == 130
    assert "scratchnn: warning: interrupted in epoch " in err
    assert "Traceback" not in err
    assert scratchnn.load("houses.snn").history.stopped == "interrupted"


@ON_POSIX
def test_a_process_substitution_is_an_output(flowers):
    os.mkfifo("pipe")
    predict = start("predict", flowers, "flowers.csv", "-q", "-o", "pipe")
    assert Path("pipe").read_text().count("\n") == 91
    predict.communicate()
    assert predict.returncode == 0


def test_the_metadata_is_what_the_documents_say(flowers):
    metadata = scratchnn.load(flowers).metadata
    assert sorted(metadata) == ["classes", "preparation", "task"]
    json.dumps(metadata)


# ---- export-c ----

ON_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix compiler")


def rows_in_c(source):
    """A self-test's rows and outputs, as they stand in the file."""
    found = []
    for what, columns in (("rows", "INPUTS"), ("outputs", "OUTPUTS")):
        numbers = re.search(rf"_test_{what}\[.*?\] = {{(.*?)}}", source, re.DOTALL)[1]
        width = int(re.search(rf"#define \w+_{columns} (\d+)", source)[1])
        found.append(np.array([float(x.strip().rstrip("f")) for x in numbers.split(",")]).reshape(-1, width))
    return found


@ON_UNIX
@pytest.mark.parametrize("weights", ["float32", "float64", "int8"])
def test_a_model_in_c_takes_what_stands_in_the_table(run, flowers, weights, tmp_path):
    code, out, err = run("export-c", flowers, "--output", "f.c", "--weights", weights, "--rows", "flowers.csv")
    assert (code, err) == (0, "")
    assert out.startswith("written   f.c: ")
    source = Path("f.c").read_text(encoding="utf-8")
    for line in (
        "computes    what scratchnn predict computes of a row",
        "0: the number in column 'petal'\n",
        "1: 1 where column 'colour' is 'blue', else 0\n",
        "3: 1 where column 'colour' is 'white', else 0\n",
        "2: the probability that column 'kind' is 'rose'\n",
    ):
        assert line in source
    rows, outputs = rows_in_c(source)
    table = [line.split(",") for line in Path("flowers.csv").read_text().splitlines()[1:]]
    np.testing.assert_allclose(rows[:, 0], [float(row[1]) for row in table], rtol=1e-7)
    assert rows[:, 1:].tolist() == [[row[2] == colour for colour in ("blue", "red", "white")] for row in table]
    assert run("predict", flowers, "flowers.csv", "--probabilities", "-q", "-o", "p.csv")[0] == 0
    told = np.loadtxt("p.csv", delimiter=",", skiprows=1, usecols=(1, 2, 3))
    np.testing.assert_allclose(outputs, told, atol=2e-6)
    result, printed = exported.run_selftest(tmp_path, source, name="flowers")
    assert result == 0, printed
    assert printed.startswith("flowers: 90 rows, ")
    found = exported.as_function(tmp_path, source, 3, weights, "flowers")(rows)
    assert (found.argmax(axis=1) == told.argmax(axis=1)).all()
    np.testing.assert_allclose(found, told, atol=0.05 if weights == "int8" else 2e-6)


@ON_UNIX
def test_a_regression_in_c_answers_in_its_unit(run, tmp_path):
    write_houses()
    options = "--target price --hidden 5 --epochs 20 --dtype float64 --no-curve -q"
    assert run("train", "houses.csv", *options.split())[0] == 0
    code, source, err = run("export-c", "houses.snn", "--rows", "houses.csv", "--weights", "float64", "--name", "price")
    assert (code, err) == (0, "")
    assert "0: the number in column 'price'\n" in source
    assert run("predict", "houses.snn", "houses.csv", "-q", "-o", "p.csv")[0] == 0
    table = np.loadtxt("houses.csv", delimiter=",", skiprows=1)
    found = exported.as_function(tmp_path, source, 1, "float64", "price")(table[:, :2])
    np.testing.assert_allclose(found[:, 0], np.loadtxt("p.csv", skiprows=1), rtol=1e-13)
    assert exported.run_selftest(tmp_path, source, name="price")[0] == 0
    network = scratchnn.load("houses.snn")  # which says in words what is not folded into its own file
    text = network.to_c()
    feature = ColumnPreparation.from_dict(network.metadata["preparation"]).features[0]
    assert f"0: (x - {feature.mean!r}) / {feature.scale!r} for the number in column 'size'\n" in text
    assert "less " in text
    assert "input_shift" not in text


@ON_UNIX
def test_missing_cells_are_means_in_c(run, tmp_path):
    Path("t.csv").write_text("a,b,y\n" + "".join(f"{i if i % 3 else ''},{i % 2},{2 * i}\n" for i in range(30)))
    assert (
        run("train", "t.csv", "--target", "y", "--missing", "mean", "--no-curve", "-q", "--task", "regression")[0] == 0
    )
    code, source, err = run("export-c", "t.snn", "--rows", "t.csv")
    assert (code, err) == (0, "")
    mean = scratchnn.load("t.snn").metadata["preparation"]["features"][0]["mean"]
    assert re.search(r"0: the number in column 'a'; ([\d.]+) where it is missing", source)[1] == repr(mean)
    assert rows_in_c(source)[0][0, 0] == np.float32(mean)
    assert exported.run_selftest(tmp_path, source, name="t")[0] == 0


@ON_UNIX
def test_a_network_from_python_in_c(run, tmp_path):
    network = scratchnn.NeuralNetwork([2, 3, 1], seed=1)
    network.metadata["preparation of my own"] = 1
    network.save("2nd try.snn")
    np.savetxt("rows.csv", [[1, 2.5], [3, 4]], delimiter=",", header="x,y", comments="")
    code, source, _ = run("export-c", "2nd try.snn", "--rows", "rows.csv")
    assert (code, source) == (0, network.to_c(test_rows=[[1, 2.5], [3, 4]]))
    for table, message in (
        ("x,y,z\n1,2,3\n", "--rows needs 2 columns of numbers; the table has 3"),
        ("x,y\n1,b\n", "--rows needs 2 columns of numbers; the table has 2, and 'y' is text"),
        ("x,y\n1,\n", "test_rows[0, 1] is nan; expected finite numbers"),
    ):
        Path("rows.csv").write_text(table)
        code, out, err = run("export-c", "2nd try.snn", "--rows", "rows.csv")
        assert (code, out) == (1, "")
        assert message in err


def test_names_that_files_have_are_names_in_c(run):
    network = scratchnn.NeuralNetwork([2, 1], seed=1)
    for file, name in (
        ("iris.snn", "iris"),
        ("my-model.v2.snn", "my_model_v2"),
        ("__a__b__.snn", "a_b"),
        ("7.snn", "network"),
        ("größe.snn", "gr_e"),
        (f"{'x' * 41}.snn", "network"),
    ):
        network.save(file)
        assert f"void {name}_predict(" in run("export-c", file)[1], file


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "petal,colour\n1,\n",
            "column 'colour' has 1 missing cell, the first in row 1; a model trained with --missing",
        ),
        ("petal,colour\n1e300,red\n", "column 'petal': 1e+300 in row 1 is beyond the largest float32"),
        ("petal\n1\n", "1 of the 2 columns that the network was trained on is missing: 'colour'"),
        ("petal,colour\nlong,red\n", "column 'petal' held numbers in training, and holds text now"),
    ],
)
def test_rows_that_do_not_fit(run, flowers, table, message):
    Path("rows.csv").write_text(table)
    code, out, err = run("export-c", flowers, "--rows", "rows.csv", "-o", "f.c")
    assert (code, out) == (1, "")
    assert message in err
    assert not Path("f.c").exists()


def test_outputs_of_export_are_checked(run, flowers):
    for output, message in (
        ("nowhere/f.c", "No such file"),
        (".", "Is a directory"),
        (flowers, "is read by this command"),
    ):
        code, out, err = run("export-c", flowers, "-o", output)
        assert (code, out) == (1, "")
        assert message in err
    assert run("export-c", flowers, "--rows", "flowers.csv", "-o", "flowers.csv")[0] == 1
    code, _, err = run("export-c", "none.snn")
    assert code == 1
    assert "none.snn" in err


@ON_UNIX
def test_names_in_a_model_stay_in_their_comment(run, flowers, tmp_path):
    network = scratchnn.load(flowers)
    feature = network.metadata["preparation"]["features"][0]
    for name in ("*/ #error */", "a\\", "??/", "\u202e\n#error", "x" * 500):
        feature["name"] = name
        network.save("bad.snn")
        code, source, err = run("export-c", "bad.snn")
        assert (code, err) == (0, "")
        exported.build(tmp_path, source, "-c")
        exported.build(tmp_path, network.to_c(), "-c")
