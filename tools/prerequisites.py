"""Check what a build needs, and print the interpreter's identity; with --lint, the requirements of the linters.

Run by make before anything is installed, so it says in words what pip would say in pages.
"""

import os
import shlex
import shutil
import sys
import sysconfig

LEAST = (3, 11)


def missing():
    """Yield what is missing, each with its remedy."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        yield "Python's venv module (Debian, Ubuntu: apt install python3-venv)"
    if "--lint" in sys.argv:
        return
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        yield f"a C compiler, here {compiler} (Debian, Ubuntu: apt install gcc; macOS: xcode-select --install)"
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        yield "Python's C headers (Debian, Ubuntu: apt install python3-dev; Fedora: dnf install python3-devel)"


def lint_requirements():
    """Return what the linters are, and what the type checker must see."""
    import tomllib

    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    return [*project["optional-dependencies"]["lint"], *project["dependencies"]]


if sys.version_info < LEAST:
    version = sys.version.split()[0]
    sys.exit(f"{sys.executable} is Python {version}; scratchnn needs 3.11 or newer: make PYTHON=python3.12 ...")
found = list(missing())
if found:
    sys.exit("Missing: " + ", and ".join(found) + ".")
print("#", sys.version.replace("\n", " "), sys.executable)
if "--lint" in sys.argv:
    print("\n".join(lint_requirements()))
