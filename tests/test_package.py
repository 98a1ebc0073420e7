"""The installed package: its version, its files, its size, what it requires, its stubs."""

import ast
import importlib
import inspect
import json
import re
import sys
import tomllib
import zlib
from importlib import metadata
from pathlib import Path

import pytest

import scratchnn
from scratchnn import core

ROOT = Path(__file__).parent.parent
DISTRIBUTION = metadata.distribution("scratchnn")
MOST_BYTES = 3_000_000
MOST_BYTES_OF_A_WHEEL = 1_048_576

CYTHON = sorted((ROOT / "scratchnn").rglob("*.pyx"))
in_repository = pytest.mark.skipif(not CYTHON, reason="needs the repository, not an installation alone")


def is_editable():
    origins = [json.loads(d.read_text("direct_url.json") or "{}") for d in metadata.distributions(name="scratchnn")]
    return any(origin.get("dir_info", {}).get("editable", False) for origin in origins)


installed_as_users_do = pytest.mark.skipif(is_editable(), reason="this is an editable installation")


def files():
    """{path in the installation: size} of what was installed, compiled Python aside."""
    return {str(path).replace("\\", "/"): path.size or 0 for path in DISTRIBUTION.files if path.suffix != ".pyc"}


def test_one_version():
    assert scratchnn.__version__ == DISTRIBUTION.version
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.?(a|b|rc|dev)\d+)?", scratchnn.__version__)


@in_repository
def test_the_changelog_knows_the_version():
    assert f"## [{scratchnn.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@installed_as_users_do
def test_the_installed_package_is_tested():
    assert Path(scratchnn.__file__).parent == Path(DISTRIBUTION.locate_file("scratchnn"))
    assert Path(scratchnn.__file__).parent != ROOT / "scratchnn"


@installed_as_users_do
@in_repository
def test_types_are_installed():
    assert "scratchnn/py.typed" in files()
    for path in CYTHON:
        stub = path.with_suffix(".pyi").relative_to(ROOT).as_posix()
        assert stub in files(), f"{path.name} has no stub"


@installed_as_users_do
def test_size():
    assert sum(files().values()) <= MOST_BYTES


@installed_as_users_do
@pytest.mark.skipif(sys.platform != "linux", reason="measured with gcc and clang")
def test_size_of_a_wheel():
    """What a download has: each file compressed as pip's tools do, and its two entries in the archive."""
    paths = [path for path in DISTRIBUTION.files if path.suffix != ".pyc"]
    compressed = [len(zlib.compress(path.read_binary())) + 76 + 2 * len(str(path)) for path in paths]
    assert sum(compressed) <= MOST_BYTES_OF_A_WHEEL


@installed_as_users_do
def test_sources_stay_at_home():
    suffixes = {Path(path).suffix for path in files() if path.startswith("scratchnn/")}
    assert not suffixes & {".c", ".pyx", ".md", ".toml"}
    assert [path for path in files() if path.endswith((".h", ".pxd"))] == [
        "scratchnn/__init__.pxd",
        "scratchnn/core/engine.pxd",
        "scratchnn/include/scratchnn.h",
    ]
    assert not [path for path in files() if path.startswith(("tests", "examples", "tools", "benchmarks"))]


def test_numpy_is_all_it_requires():
    required = [requirement for requirement in DISTRIBUTION.requires if "extra ==" not in requirement]
    assert required == ["numpy>=1.26"]


@in_repository
def test_the_lowest_versions_are_the_bounds():
    """tests/lowest.txt has the bounds of pyproject.toml, or a patch release of them."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [
        *extras["dependencies"],
        *(r for extra in ("cli", "onnx", "plots", "test") for r in extras["optional-dependencies"][extra]),
    ]
    bounds = dict(requirement.split(">=") for requirement in requirements if ">=" in requirement)
    lowest = dict(re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / "tests/lowest.txt").read_text(), re.MULTILINE))
    assert set(bounds) <= set(lowest)
    for name, bound in bounds.items():
        assert f"{lowest[name]}.".startswith(f"{bound}."), name


@in_repository
def test_every_compiled_module_is_found_in_the_one_file():
    modules = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in CYTHON}
    assert modules | {"scratchnn.core._memoryviews"} == core.COMPILED
    for name in core.COMPILED:
        assert importlib.import_module(name).__file__ == core.kernels.__file__


# ---- stubs ----

STUBS = [(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."), path) for path in CYTHON]


def public_names(module):
    """What a compiled module defines, without what it imports."""
    for name, item in vars(module).items():
        own = getattr(item, "__module__", None) == module.__name__ or type(item).__module__ == module.__name__
        if not name.startswith("_") and (own or name.isupper()):
            yield name


def names_in(body):
    """Names that a stub's statements define: {name: node}."""
    result = {}
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                result[name] = node
    return {name: node for name, node in result.items() if not name.startswith("_")}


def parameters(function):
    """Names of parameters, in order."""
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


@in_repository
@pytest.mark.parametrize(("name", "path"), STUBS, ids=[name for name, _ in STUBS])
def test_stubs_say_what_the_modules_have(name, path):
    module = importlib.import_module(name)
    stub = names_in(ast.parse(path.with_suffix(".pyi").read_bytes()).body)
    assert set(stub) == set(public_names(module))
    for attribute, node in stub.items():
        item = getattr(module, attribute)
        match node:
            case ast.FunctionDef(args=arguments):
                pairs = [(item, arguments)]
            case ast.ClassDef(body=body):
                members = names_in(body)
                assert set(members) == {member for member in vars(item) if not member.startswith("_")}
                pairs = [
                    (getattr(item, member), function.args)
                    for member, function in members.items()
                    if callable(getattr(item, member))
                ]
            case _:
                pairs = []
        for function, arguments in pairs:
            others = [arguments.kwarg] if arguments.kwarg else []
            stated = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs, *others)]
            assert [argument for argument in stated if argument != "self"] == parameters(function), attribute
