"""The documents: examples run, and what they name exists."""

import dataclasses
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import scratchnn
from scratchnn import plots

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
WITH_CODE = [page for page in PAGES if page.parent.name != "data"]  # data's sources need what the tests do not
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(scratchnn.__path__, "scratchnn.")
    if not module.name.endswith("__main__")
)

pytestmark = pytest.mark.skipif(not (ROOT / "Makefile").is_file(), reason="needs the repository")


def ids(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def run_examples(code, name, namespace):
    """Run a doctest and raise with its report where an example does not print what it says."""
    test = doctest.DocTestParser().get_doctest(code, namespace, name, name, 0)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.append, clear_globs=False)
    namespace.update(test.globs)
    assert not report, "".join(report)


# ---- examples ----


# Words of examples that need a library which is not there for every Python.
NEEDS = {"to_onnx": "onnx", "from_onnx": "onnx", "onnxruntime": "onnxruntime"}


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize("page", WITH_CODE, ids=ids(WITH_CODE))
def test_examples_in_pages(page, tmp_path, monkeypatch):
    """Those of a page run one after another, in a folder with the examples' data alone, as a reader would type them."""
    text = page.read_text("utf-8")
    if "examples/data/" in text:
        shutil.copytree(ROOT / "examples" / "data", tmp_path / "examples" / "data")
    monkeypatch.chdir(tmp_path)
    namespace, missing = {}, set()
    for match in re.finditer(r"^```(?:python|pycon)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        code = match[1]
        needed = {library for word, library in NEEDS.items() if re.search(rf"\b{word}\b", code)}
        if absent := {library for library in needed if importlib.util.find_spec(library) is None}:
            missing |= absent
            continue
        if code.startswith(">>>"):
            run_examples(code, page.name, namespace)
        else:
            exec(compile(code, page.name, "exec"), namespace)
    if missing:
        pytest.skip(f"the other examples ran; some need {', '.join(sorted(missing))}")


def test_the_readme_has_an_example():
    assert ">>> " in text_of("README.md")


@pytest.mark.parametrize("name", ["scratchnn", *MODULES])
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder().find(module):
        report = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append)
        assert not report, "".join(report)


# ---- pictures ----

MOST_BYTES = 60_000
MOST_DIFFERENCE = 5.0  # of 255 shades of grey, on average over squares of 8 pixels


def test_the_pictures_are_what_the_code_before_them_makes(tmp_path):
    """Not to the bit: another matplotlib has other margins, another instruction set another last digit."""
    made, kept = tmp_path / "images", ROOT / "docs" / "images"
    tool = [sys.executable, "-W", "error", ROOT / "tools" / "pictures.py", made]
    result = subprocess.run(tool, capture_output=True, text=True, timeout=300)
    assert (result.returncode, result.stderr) == (0, "")
    shown = re.findall(r"\]\(images/([\w.]+)\)", text_of("docs/plots.md"))
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted(shown) == sorted(path.name for path in kept.iterdir())
    for name in names:
        assert (kept / name).stat().st_size < MOST_BYTES
        new, old = (np.asarray(Image.open(folder / name).convert("L").reduce(8), float) for folder in (made, kept))
        assert new.shape == old.shape
        assert np.abs(new - old).mean() < MOST_DIFFERENCE, f"python tools/pictures.py: {name} is old"


# ---- links, paths and targets ----


def anchors_of(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_links(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors_of(target), f"{link}: no such heading"


def paths_in(text):
    """What stands in backticks and looks like a file or a folder; `a/b.{c,d}` and `*` as in a shell.

    NAME stands for something new.
    """
    for token in re.findall(r"`([^`\s]+)`", without_code(text)):
        if not re.fullmatch(r"[\w./*{},-]+", token) or "NAME" in token:
            continue
        if "/" in token or re.search(r"\.(c|h|md|p\w+|toml|txt|yml)$", token):
            brace = re.search(r"\{(.*)\}", token)
            for part in brace[1].split(",") if brace else [""]:
                yield token.replace(brace[0], part) if brace else token


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "docs/dependencies.md"])
def test_paths(name):
    made = ("demo/", "build/", ".venv", "dist/")  # by make, not in the repository
    paths = [path for path in paths_in(text_of(name)) if not path.startswith(made)]
    assert paths
    for path in paths:
        assert any(ROOT.glob(path.rstrip("/"))), f"{name} names {path}, which does not exist"


def test_the_map_is_complete():
    """ARCHITECTURE.md names every folder, and every file of the two lower layers, by path or pattern."""
    named = list(paths_in(text_of("ARCHITECTURE.md")))
    known = {path for pattern in named for path in ROOT.glob(pattern.rstrip("/"))}
    files = [
        path
        for folder in ("csrc", "scratchnn/core", "scratchnn")
        for path in (ROOT / folder).rglob("*" if folder == "csrc" else "*.p*[yx]")
        if path.is_file() and path.name != "__init__.py"
    ]
    missing = [path for path in files if not {path, path.parent} & (known - {ROOT / "scratchnn", ROOT / "csrc"})]
    assert not ids(sorted(missing))


def test_the_functions_of_a_step_stand_where_the_page_says():
    section = text_of("ARCHITECTURE.md").split("## One training step")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d) \| .* \| (.*) \| `(.*)` \|$", section, re.MULTILINE)
    assert [number for number, _, _ in rows] == list("1234567")
    for _, functions, path in rows:
        for function in re.findall(r"`(\w+)`", functions):
            assert re.search(rf"\b{function}\(", text_of(path)), f"{function} is not in {path}"


def test_make_targets():
    makefile = text_of("Makefile")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    proofs = [f"prove-{path.stem}" for path in (ROOT / "tools" / "prove").glob("*.sh") if path.stem != "common"]
    named = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].replace("$(PROOFS)", " ".join(proofs))
    phony = set(named.split()) - {"FORCE"}
    assert targets == phony
    assert set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE)) == targets, "make help lists all"
    for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        named = re.findall(r"(?:^|`)make ([a-z]+)", text_of(name), re.MULTILINE)
        assert set(named) <= targets, f"{name} names a target that does not exist"
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", text_of("README.md"), re.MULTILINE))


def test_the_command_line_in_the_pages_is_the_command_line():
    """Options of `scratchnn` that the pages show exist."""
    commands = importlib.import_module("scratchnn.cli.commands").commands
    known = {option for command in commands.commands.values() for p in command.params for option in p.opts}
    for page in PAGES:
        for line in re.findall(r"^(?:\$ )?(?:\S*/)?scratchnn (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            command = line.split()[0]
            assert command in commands.commands, line
            assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)) <= known, line


# ---- docstrings ----

SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Notes", "References", "Examples")


def public_objects():
    """Everything in `scratchnn.__all__` and `scratchnn.plots.__all__`, and the public methods of its classes."""
    for name, item in [(name, getattr(module, name)) for module in (scratchnn, plots) for name in module.__all__]:
        if inspect.isclass(item):
            yield name, item
            bases = [base for base in item.__mro__ if base.__module__ == "scratchnn.exchange.methods"]
            for method, function in [pair for cls in (item, *bases) for pair in vars(cls).items()]:
                function = function.__func__ if isinstance(function, classmethod) else function
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{method}", function
        elif inspect.isfunction(item):
            yield name, item


PUBLIC = dict(public_objects())


def sections_of(docstring):
    """A numpydoc docstring's sections: {heading: text}, in their order."""
    parts = re.split(r"^(\w+)\n-+\n", inspect.cleandoc(docstring), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(section):
    """The names of a section of parameters: `x, y : array` has two."""
    lines = re.findall(r"^(\w+(?:, \w+)*)(?: :|$)", section, re.MULTILINE)
    return {name for line in lines for name in line.split(", ")}


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings(name):
    item = PUBLIC[name]
    docstring = inspect.getdoc(item)
    assert docstring
    summary = docstring.split("\n\n")[0]
    assert re.search(r"[.:]$", summary), "the first paragraph is a sentence"
    assert len(docstring.splitlines()[0]) <= 120
    sections = sections_of(docstring)
    assert list(sections) == [section for section in SECTIONS if section in sections]
    function = item.__init__ if inspect.isclass(item) else item
    if not inspect.isfunction(function) or (inspect.isclass(item) and issubclass(item, BaseException)):
        return
    parameters = [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
    if "Parameters" in sections:
        assert documented(sections["Parameters"]) == set(parameters)
    elif dataclasses.is_dataclass(item) or "Attributes" in sections:
        assert documented(sections["Attributes"]) >= set(parameters)
    else:
        assert len(parameters) <= 3, "more than three parameters need a section"
    if not inspect.isclass(item) and re.search(r"^\s+raise \w+\(", inspect.getsource(item), re.MULTILINE):
        assert "Raises" in sections, "what it raises is said"


@pytest.mark.parametrize("name", [name for name in MODULES if re.match(r"scratchnn\.core\.[a-z]", name)])
def test_the_core_is_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__ or hasattr(module, "__path__"), "a module says what it is"
    for attribute, item in vars(module).items():
        if getattr(item, "__module__", None) == name and not attribute.startswith("_"):
            assert item.__doc__, f"{name}.{attribute} has no docstring"
