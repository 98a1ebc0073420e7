"""Build one extension module for every .pyx; metadata and tools stand in pyproject.toml."""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

C_SOURCES = sorted(str(path) for path in Path("csrc").rglob("*.c") if not path.name.endswith(".inc.c"))
C_DEPENDS = sorted(str(path) for path in Path("csrc").rglob("*") if path.is_file())

# Optimisation is asked for here because a CFLAGS in the environment replaces the interpreter's own -O3.
# The arithmetic flags keep to IEEE 754; -ffast-math would not. C has the loops: what is worth unrolling there says
# so, and -O3 would unroll the rest into half as much code again, no faster. Cython's modules say what to do next.
# No exception passes through this code, so nobody needs tables to unwind it.
FLAGS = ["-DNDEBUG", "-g0", "-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
SMALL = ["-fvisibility=hidden", "-fno-asynchronous-unwind-tables"]
UNIX_FLAGS = {"c": [*FLAGS, *SMALL, "-O2"], "cython": [*FLAGS, *SMALL, "-Os"]}
MSVC_FLAGS = {"c": ["/O2", "/std:c11", "/utf-8", "/fp:precise"], "cython": ["/O1", "/std:c11", "/utf-8", "/fp:precise"]}

# Cython's short cuts past CPython's own functions, which save nanoseconds in code that runs once a call.
MACROS = [(f"CYTHON_{name}", "0") for name in ("FAST_PYCALL", "UNPACK_METHODS", "USE_PYLONG_INTERNALS")]
# Compressed one by one they would be larger in the wheel, which is compressed as a whole.
MACROS += [("CYTHON_COMPRESS_STRINGS", "0")]


class BuildExt(build_ext):
    """Give each compiler and each language its flags: gcc and clang learn the instruction set in the source, MSVC here."""

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        flags = MSVC_FLAGS if msvc else UNIX_FLAGS
        compile_one = self.compiler.compile

        def compile_each(sources, *args, extra_postargs=None, **kwargs):
            objects = []
            for source in map(Path, sources):
                own = flags["c" if source.parts[0] == "csrc" else "cython"]
                if msvc:
                    own = own + [f"/arch:{isa.upper()}" for isa in ("avx512", "avx2") if source.name.startswith(isa)]
                objects += compile_one([str(source)], *args, extra_postargs=[*(extra_postargs or []), *own], **kwargs)
            return objects

        self.compiler.compile = compile_each
        if sys.platform.startswith("linux"):
            for extension in self.extensions:
                extension.extra_link_args = ["-Wl,--strip-all"]
        super().build_extensions()


def extension(pyx: Path) -> Extension:
    # kernels is the only module that links the C; the others reach it through the tables it holds.
    links_c = pyx.stem == "kernels"
    return Extension(
        ".".join(pyx.with_suffix("").parts),
        [str(pyx), *(C_SOURCES if links_c else [])],
        include_dirs=["csrc"],
        define_macros=MACROS,
        depends=C_DEPENDS,
        libraries=["m"] if links_c and sys.platform != "win32" else [],
    )


# One module has the code for memoryviews that each would otherwise carry: 150 KB a module. Cython names it
# inside by its file, so the file bears the whole name.
SHARED = "scratchnn.core._memoryviews"

setup(
    ext_modules=cythonize(
        [
            *(extension(pyx) for pyx in sorted(Path("scratchnn").rglob("*.pyx"))),
            Extension(SHARED, [f"scratchnn/core/{SHARED}.c"], define_macros=MACROS),
        ],
        shared_utility_qualified_name=SHARED,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "freethreading_compatible": True,
        },
    ),
    cmdclass={"build_ext": BuildExt},
    options={"build_ext": {"parallel": os.cpu_count()}},
)
