"""Fuzz one reader with atheris: ``python tests/fuzz/run.py READER [options of libFuzzer] [folders of inputs]``.

Python's branches lead it, and those of the compiled modules where they are built for it, as ``make prove-fuzz`` does.
"""

import importlib
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent))


def main(name, *options):
    with atheris.instrument_imports(include=["scratchnn", "json", "csv", "gzip"]):
        reader = importlib.import_module(f"fuzz.{name}")
    from fuzz import json_headers

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        directory = Path(folder)
        words = directory / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in reader.WORDS))
        mutated = json_headers.mutator(reader.WORDS, atheris.Mutate) if reader.HAS_HEADERS else None
        atheris.Setup(
            [f"{sys.executable} -P {__file__} {name}", f"-dict={words}", *options],  # -merge=1 runs it again
            lambda data: reader.read(data, directory),
            custom_mutator=mutated,
        )
        atheris.Fuzz()


def _escaped(word):
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
