"""Build the compiled modules, all in one file; metadata and tools stand in pyproject.toml."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

C_SOURCES = sorted(str(path) for path in Path("csrc").rglob("*.c") if not path.name.endswith(".inc.c"))
C_DEPENDS = sorted(str(path) for path in Path("csrc").rglob("*") if path.is_file())

# Optimisation is asked for here because a CFLAGS in the environment replaces the interpreter's own -O3.
# The arithmetic flags keep to IEEE 754; -ffast-math would not. C has the loops: what is worth unrolling there says
# so, and -O3 would unroll the rest into half as much code again, no faster. Of Cython's modules, those that run
# once a step or a prediction are compiled for speed, those that run once a call for size.
# No exception passes through this code, so nobody needs tables to unwind it.
FLAGS = ["-DNDEBUG", "-g0", "-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
SMALL = ["-fvisibility=hidden", "-fno-asynchronous-unwind-tables"]
if sys.platform.startswith("linux"):
    SMALL += ["-fno-plt"]
# Cython's short cuts past CPython's own functions save nanoseconds, which code that runs once a call does without.
SHORT_CUTS = ["FAST_PYCALL", "FAST_THREAD_STATE", "UNPACK_METHODS", "USE_FREELISTS", "USE_PYLONG_INTERNALS"]
SHORT_CUTS += ["USE_TP_FINALIZE", "USE_UNICODE_INTERNALS"]
# Compressed one by one, strings would be larger in the wheel, which is compressed as a whole.
MACROS = [("CYTHON_COMPRESS_STRINGS", "0")]

# One wheel for all Pythons from 3.11 on: it works, and each call costs more, so it is not what ships (ADR 11).
LIMITED = os.environ.get("SCRATCHNN_LIMITED_API") == "1"
if LIMITED:
    MACROS = [("Py_LIMITED_API", "0x030B0000")]
    SHORT_CUTS = []

# A build that looks after itself: every index, overflow and count of references, and C's assertions. It is what
# `make prove-bounds` tests (docs/wheels.md). Not None in place of an object, for which Cython would need the GIL.
CHECKED = os.environ.get("SCRATCHNN_CHECKED") == "1"
CHECKS = ("boundscheck", "initializedcheck", "overflowcheck")
if CHECKED:
    FLAGS[:2] = ["-UNDEBUG", "-g"]
    MACROS += [("CYTHON_REFNANNY", "1")]

PLAIN = [f"-DCYTHON_{name}=0" for name in SHORT_CUTS]
MSVC = ["/std:c11", "/utf-8", "/fp:precise"]
UNIX_FLAGS = {"fast": [*FLAGS, *SMALL, "-O2"], "small": [*FLAGS, *SMALL, "-Os", *PLAIN]}
MSVC_FLAGS = {"fast": [*MSVC, "/O2"], "small": [*MSVC, "/O1", *PLAIN]}
STEP = {"dense", "predictor", "step", "tiny", "trainer"}


def merged_when_linked(compiler):
    """Flags with which gcc makes one of functions that Cython puts into every module; other compilers' need a linker
    that is not always there."""
    if not sys.platform.startswith("linux"):
        return []
    version = subprocess.run([*compiler.compiler_so, "--version"], capture_output=True, text=True).stdout
    return ["-flto=auto", "-fno-fat-lto-objects"] if "Free Software Foundation" in version else []


class BuildExt(build_ext):
    """Compile each source with the flags of its language, several at a time; gcc and clang learn the instruction
    set in the source, MSVC here."""

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        flags = MSVC_FLAGS if msvc else UNIX_FLAGS
        linked = merged_when_linked(self.compiler)
        for extension in self.extensions:
            extension.extra_link_args += linked
        compile_some = self.compiler.compile

        def compile_each(sources, output_dir=None, macros=None, include_dirs=None, extra_postargs=None, **kwargs):
            def compile_one(source):
                [made] = self.compiler.object_filenames([source], output_dir=output_dir)
                if not self.force and not newer_group([source, *C_DEPENDS, __file__], made):
                    return made
                path = Path(source)
                is_c = path.parts[0] == "csrc"
                own = flags["fast" if is_c or path.stem in STEP else "small"] + ([] if is_c else linked)
                if path.stem.startswith("portable") and not msvc:
                    own = [*own, "-fno-schedule-insns2"]  # a third of all C, of which this is 5 %
                if msvc:
                    own = own + [f"/arch:{isa.upper()}" for isa in ("avx512", "avx2") if path.name.startswith(isa)]
                arguments = {"macros": macros, "include_dirs": include_dirs, **kwargs}
                compile_some([source], output_dir, extra_postargs=[*(extra_postargs or []), *own], **arguments)
                return made

            if msvc:
                self.compiler.initialize()
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return list(pool.map(compile_one, sources))

        self.compiler.compile = compile_each
        super().build_extensions()


def extension(pyx: Path) -> Extension:
    return Extension(".".join(pyx.with_suffix("").parts), [str(pyx)])


# One module has the code for memoryviews that each would otherwise carry: 150 KB a module. Cython names it
# inside by its file, so the file bears the whole name.
SHARED = "scratchnn.core._memoryviews"

modules = cythonize(
    [
        *(extension(pyx) for pyx in sorted(Path("scratchnn").rglob("*.pyx"))),
        Extension(SHARED, [f"scratchnn/core/{SHARED}.c"]),
    ],
    shared_utility_qualified_name=SHARED,
    compiler_directives={
        "language_level": 3,
        **dict.fromkeys(CHECKS, CHECKED),
        "wraparound": False,
        "cdivision": True,
        "embedsignature": True,
        "embedsignature.format": "clinic",
        # Plain functions are smaller. inspect reads their parameters too, but no default that is computed: modules
        # for users say otherwise.
        "binding": False,
        "auto_pickle": False,  # nothing here is pickled: Python refuses by itself
        "freethreading_compatible": True,
    },
)

setup(
    # One file has all modules, that of the kernels: 24 files would be 200 KB more, and take longer to import.
    # scratchnn/core/__init__.py finds the modules in it.
    ext_modules=[
        Extension(
            "scratchnn.core.kernels",
            [*(source for module in modules for source in module.sources), *C_SOURCES],
            include_dirs=["csrc", "scratchnn/include"],
            depends=[*C_DEPENDS, __file__],
            define_macros=MACROS,
            py_limited_api=LIMITED,
            libraries=["m"] if sys.platform != "win32" else [],
            extra_link_args=["-Wl,--strip-all", "-Wl,-z,now"] if sys.platform.startswith("linux") else [],
        )
    ],
    cmdclass={"build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)
