"""The design's invariants, stated as absences: what no file may import, name or do."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "scratchnn"
CORE = PACKAGE / "core"
CSRC = ROOT / "csrc"

EXTRAS = {"click", "matplotlib", "onnx", "pandas", "sklearn", "tensorboardX", "tqdm"}
LIBRARIES = {"numpy"}

PYTHON = sorted(PACKAGE.rglob("*.py"))
CYTHON = sorted([*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxd")])
C = sorted(path for path in CSRC.rglob("*.[ch]"))

pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="needs the repository, not an installation alone")


def name_of(path):
    """The dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_in(folder):
    return {name_of(path) for path in folder.rglob("*.py*") if path.suffix in (".py", ".pyx")}


MODULES = modules_in(PACKAGE)


def imports_of(path, *, at_import_only=False):
    """The dotted names that a .py or Cython file imports; those under TYPE_CHECKING are not."""
    if path.suffix != ".py":
        yield from imports_of_cython(path)
        return
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    pending = [ast.parse(path.read_bytes())]
    while pending:
        node = pending.pop()
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = resolve_name("." * level + (module or ""), package)
                for alias in names:
                    full = f"{base}.{alias.name}"
                    yield full if full in MODULES else base
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pending += node.orelse
            case ast.FunctionDef() | ast.Lambda() if at_import_only:
                pass
            case _:
                pending += ast.iter_child_nodes(node)


def imports_of_cython(path):
    """As imports_of, for the plain forms that the package uses; anything else would be found out here."""
    text = re.sub(r'"""(?s:.*?)"""|#.*', "", path.read_text(encoding="utf-8"))
    for line in text.splitlines():
        if not re.search(r"\b(c?import)\b", line):
            continue
        match = re.fullmatch(r"\s*(?:c?import (\S+)(?: as \w+)?|from (\S+) c?import (.+))", line)
        assert match, f"{path.name}: {line!r} is no form of import that this test knows"
        module, base, names = match.groups()
        assert not (module or base).startswith("."), f"{path.name}: {line!r} is relative"
        if module:
            yield module
        else:
            full = [f"{base}.{name.strip()}" for name in names.split(",")]
            yield from ([name for name in full if name in MODULES] or [base])


def ours(names):
    return {name for name in names if name.split(".")[0] == "scratchnn"}


def offences(pattern, paths):
    """Where a regular expression occurs outside comments, as {file: set of what was found}."""
    found = {}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".c", ".h"):
            text = re.sub(r"/\*(?s:.*?)\*/|//.*", "", text)
        elif path.suffix != ".py":
            text = re.sub(r"#.*", "", text)
        hits = {match[0] for match in re.finditer(pattern, text)}
        if hits:
            found[str(path.relative_to(ROOT))] = hits
    return found


# ---- imports go down ----


@pytest.mark.parametrize("path", sorted([p for p in PYTHON + CYTHON if CORE in p.parents]), ids=name_of)
def test_the_core_imports_nothing_above_it(path):
    for name in ours(imports_of(path)):
        assert name == "scratchnn.core" or name.startswith("scratchnn.core."), name


@pytest.mark.parametrize("path", [p for p in PYTHON if PACKAGE / "cli" not in p.parents], ids=name_of)
def test_only_the_command_line_knows_the_command_line(path):
    above = {name for name in imports_of(path) if name.startswith("scratchnn.cli")}
    assert above == ({"scratchnn.cli"} if path.name == "__main__.py" else set())


def test_no_import_goes_in_a_circle():
    graph = {}
    for path in PYTHON + CYTHON:
        known = {name for name in ours(imports_of(path, at_import_only=True)) if name in MODULES}
        graph.setdefault(name_of(path), set()).update(known - {name_of(path), "scratchnn"})
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_kernels_stand_at_the_bottom_and_alone_reach_the_c():
    assert not ours(imports_of(CORE / "kernels.pyx"))
    externs = offences(r'cdef extern from "[^<"]+"', CYTHON)
    of_engines = {path: externs.pop(path) for path in ("scratchnn/core/engine.pyx", "scratchnn/core/engine.pxd")}
    assert set().union(*of_engines.values()) == {'cdef extern from "scratchnn.h"'}  # which is the way out, not in
    assert set(externs) == {"scratchnn/core/kernels.pyx", "scratchnn/core/kernels.pxd"}
    functions = {  # of csrc's headers
        name
        for header in CSRC.glob("*.h")
        for name in re.findall(r"\b(snn_\w+)\([^)*]", header.read_text(encoding="utf-8"))
    }
    assert {"snn_flush_denormals", "snn_random_bits", "snn_barrier_wait"} <= functions
    named = offences("|".join(rf"\b{name}\b" for name in functions), CYTHON)
    assert set(named) == {"scratchnn/core/kernels.pyx"}


# ---- libraries ----


@pytest.mark.parametrize("path", PYTHON + CYTHON, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_are_numpy_and_where_they_are_used_the_extras(path):
    allowed = sys.stdlib_module_names | LIBRARIES | {"scratchnn"}
    if path.suffix != ".py":
        allowed |= {"cpython", "libc", "cython"}
    if PACKAGE / "cli" in path.parents:
        allowed |= EXTRAS - {"onnx", "sklearn", "tensorboardX"}
    if PACKAGE / "plots" in path.parents:
        allowed |= {"matplotlib"}
    if PACKAGE / "estimators" in path.parents:
        allowed |= {"sklearn"}
    allowed |= {
        PACKAGE / "callbacks" / "progress.py": {"tqdm"},
        PACKAGE / "callbacks" / "tensorboard.py": {"tensorboardX"},
        PACKAGE / "exchange" / "onnx_library.py": {"onnx"},
        PACKAGE / "exchange" / "sklearn.py": {"sklearn"},
    }.get(path, set())
    assert {name.split(".")[0] for name in imports_of(path)} <= allowed


IMPORTED = f"""
import sys
import numpy
before = set(sys.modules)
import scratchnn
new = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(sorted(new - sys.stdlib_module_names - {{name for name in new if "cython_" in name}}))
print(sorted({EXTRAS!r} & {{name.split(".")[0] for name in sys.modules}}))
"""

WITHOUT_EXTRAS = f"""
import sys
sys.modules.update(dict.fromkeys({sorted(EXTRAS)!r}))
import scratchnn
network = scratchnn.NeuralNetwork(seed=1)
network.train([[0, 1], [1, 0]], [0, 1], epochs=2, shuffle=True, validation_data=([[0, 1]], [0]))
network.save("network.snn")
print(scratchnn.load("network.snn").history.epochs, bool(scratchnn.check_gradients(network, [[0, 1]], [1])))
from scratchnn.cli import main
sys.exit(main(["info", "network.snn"]))
"""


def run(code, tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_importing_scratchnn_imports_numpy_and_nothing_else(tmp_path):
    assert run(IMPORTED, tmp_path) == ["['numpy', 'scratchnn']", "[]"]


def test_everything_but_the_commands_works_without_the_extras(tmp_path):
    assert run(WITHOUT_EXTRAS, tmp_path)[0] == "2 True"


# ---- absences ----


def test_no_global_random_state():
    assert offences(r"\b(np|numpy)\.random|\bimport random\b|\brand\(|\bsrand", PYTHON + CYTHON + C) == {}


def test_no_pickle():
    pattern = r"\bimport (pickle|marshal|shelve|dill)\b|\b(np|numpy)\.load\b|allow_pickle"
    assert offences(pattern, PYTHON + CYTHON) == {}


def test_the_c_allocates_nothing_prints_nothing_and_cannot_fail():
    pattern = r"\b(malloc|calloc|realloc|free|alloca|f?printf|abort|exit|errno|assert)\b"
    assert offences(pattern, C) == {}


# Whoever writes for one CPU writes in csrc/vec_*.h. Three files mean the CPU itself, and may use these.
INTRINSIC = (
    r"\b_?_?mm\d*_\w+|\b__m(?:\d+\w*|mask\d+)\b|\b\w*(?:intrin|arm_neon|arm_sve|cpuid)\.h\b"
    r"|\bv[a-z0-9_]+_[fsu](?:32|64)\b|\b(?:float|int|uint)(?:32|64)x\d+_t\b"
    r"|\b_?_?x?getbv\w*|\b__(?:get_)?cpuid\w*|\b__asm__\b|\b__builtin_\w+|\b_Interlocked\w+|\b__atomic_\w+"
)
ALLOWED = {
    "csrc/dispatch.c": {  # asks which instruction sets there are
        "cpuid.h", "intrin.h", "__cpuid", "__cpuidex", "__get_cpuid_count", "_xgetbv", "xgetbv", "__asm__"
    },
    "csrc/barrier.c": {  # waits: a pause, and atomics
        "immintrin.h", "intrin.h", "_mm_pause", "__asm__", "__atomic_load_n", "__atomic_store_n",
        "__atomic_add_fetch", "__atomic_exchange_n", "_InterlockedOr", "_InterlockedExchange", "_InterlockedIncrement",
    },
    "csrc/denormals.c": {"xmmintrin.h", "_mm_getcsr", "_mm_setcsr", "__asm__"},  # a control register
}  # fmt: skip


def test_intrinsics_stand_in_the_vector_headers():
    vectors = sorted(CSRC.glob("vec_*.h"))
    assert {"csrc/vec_avx512.h", "csrc/vec_avx2.h", "csrc/vec_neon.h"} <= set(offences(INTRINSIC, vectors))
    assert offences(INTRINSIC, [path for path in C if path not in vectors]) == ALLOWED


def test_no_kernel_asks_for_the_instruction_set():
    kernels = sorted(CSRC.glob("*.inc.c"))
    assert len(kernels) >= 5
    pattern = r"(?i)avx|sse\d|neon|x86|amd64|\barm|_arm|aarch64|cpuid|available"
    assert offences(pattern, kernels) == {}


def test_every_instruction_set_compiles_the_same_source():
    """A file in csrc/isa/ chooses a vector header and a dtype, and has no code of its own."""
    for path in sorted((CSRC / "isa").glob("*.c")):
        isa, dtype = path.stem.split("_")
        lines = path.read_text(encoding="utf-8").splitlines()
        code = [line for line in lines if line and not line.startswith(("/*", " *"))]
        assert all(line.startswith("#") for line in code), path
        assert f"#define SNN_REAL_BITS {dtype.removeprefix('float')}" in code
        assert f"#define SNN_TABLE snn_{isa}_{dtype}" in code
        assert [line for line in code if "vec_" in line] == [f'#include "../vec_{isa}.h"']
        assert '#include "../kernels.inc.c"' in code


def test_bytes_of_arrays_have_a_sign():
    """Whether char has one is the machine's: where it has none, an array of int8 is not a memoryview of char."""
    assert offences(r"(?<!signed )\bchar *\[[:,]", CYTHON) == {}


def test_the_loop_needs_no_gil_and_no_memory():
    """Below Python a run is nogil functions throughout, where the compiler refuses objects."""
    of_step = ["phase_one", "learn_rows", "fetch", "phase_two", "gradient", "sum_of_losses", "weight_of"]
    of_step += ["apply_clipped", "limit_norms"]
    of_penalties = ["prepare", "evaluate", "total", "penalize", "square", "shrinkage", "limit"]
    of_trainer = [
        "tiny_steps",
        "begin_epoch",
        "begin_step",
        "add_loss",
        "finish_step",
        "end_steps",
        "end_epoch",
        "loop",
    ]
    of_lbfgs = ["advance", "start", "iterate", "find_step", "accept", "add_pair", "two_loops"]
    of_wolfe = ["begin", "learn", "choose", "next_step"]
    of_full_batch = ["evaluate", "compute_in_threads", "compute_share"]
    for module, names in (
        ("step", of_step),
        ("penalties", of_penalties),
        ("trainer", of_trainer),
        ("lbfgs", of_lbfgs),
        ("wolfe", of_wolfe),
        ("full_batch", of_full_batch),
    ):
        text = (CORE / f"{module}.pyx").read_text(encoding="utf-8")
        for name in names:
            assert re.search(rf"cdef \w+ {name}\([^)]*\) noexcept nogil:", text), name
    allocation = r"\b(malloc|calloc|realloc|free|PyMem_\w+)\b"
    assert set(offences(allocation, CYTHON)) <= {"scratchnn/core/topology.pyx"}  # a layer table, once
