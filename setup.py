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
# The arithmetic flags keep to IEEE 754; -ffast-math would not.
UNIX_FLAGS = ["-O3", "-DNDEBUG", "-g0", "-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
MSVC_FLAGS = ["/O2", "/std:c11", "/utf-8", "/fp:precise"]


class BuildExt(build_ext):
    """Give each compiler its flags: gcc and clang learn the instruction set in the source, MSVC here."""

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        for extension in self.extensions:
            extension.extra_compile_args = MSVC_FLAGS if msvc else UNIX_FLAGS
        if msvc:
            compile_one = self.compiler.compile

            def compile_with_arch(sources, *args, extra_postargs=None, **kwargs):
                objects = []
                for source in sources:
                    name = Path(source).name
                    arch = [f"/arch:{isa.upper()}" for isa in ("avx512", "avx2") if name.startswith(isa)]
                    objects += compile_one([source], *args, extra_postargs=[*(extra_postargs or []), *arch], **kwargs)
                return objects

            self.compiler.compile = compile_with_arch
        super().build_extensions()


def extension(pyx: Path) -> Extension:
    # kernels is the only module that links the C; the others reach it through the tables it holds.
    links_c = pyx.stem == "kernels"
    return Extension(
        ".".join(pyx.with_suffix("").parts),
        [str(pyx), *(C_SOURCES if links_c else [])],
        include_dirs=["csrc", "scratchnn/include"],
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
            Extension(SHARED, [f"scratchnn/core/{SHARED}.c"]),
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
