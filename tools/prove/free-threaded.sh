#!/usr/bin/env bash
# The wheel on free-threaded Python, in many threads: tests as every free-threaded wheel has them, and those of
# tests/test_threads.py, estimators included. FREE_THREADED_PYTHON=python3.14t chooses the interpreter; else one is made.
source "$(dirname "$0")/common.sh"

PYTHON=${FREE_THREADED_PYTHON:-$(tools/free_threaded_python.sh plain)}
export PIP_ONLY_BINARY=numpy,scipy,scikit-learn,hypothesis # the newest that have a wheel for it
environment free-threaded
python=$PWD/$BUILD/free-threaded/bin/python
"$python" -c 'import sys; print(sys.version); assert not sys._is_gil_enabled()'
"$python" -m pip install --quiet pytest-run-parallel
"$python" -m pip install --quiet scikit-learn || echo "Not installed: scikit-learn"
# Away from the checkout, with what a wheel's tests have (test-sources in pyproject.toml).
tests=$PWD/$BUILD/free-threaded-tests
rm -rf "$tests" && mkdir -p "$tests"
cp -r --parents tests docs/model_file.md pyproject.toml "$tests"
cd "$tests"
for round in 1 2 3; do "$python" -P -m pytest -q -p no:cacheprovider tests/test_threads.py; done
"$python" -P tests/on_wheel.py --parallel
