"""What networks are made of, below Python.

Public: ``linalg``, ``activations``, ``losses``, ``updates`` and ``random``, which are functions on arrays, and
``kernels``, which tells and chooses the instruction set. The rest serves :class:`scratchnn.NeuralNetwork`.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from types import ModuleType

# The compiled modules, all in the file of the kernels (setup.py says why).
COMPILED = frozenset(
    f"{__name__}.{name}"
    for name in (
        *("_memoryviews", "activations", "data", "engine", "full_batch", "kernels", "lbfgs", "linalg", "losses"),
        *("noise", "penalties", "predictor", "random", "statistics", "step", "team", "topology", "trainer", "trial"),
        *("update_rules", "vectors", "wolfe", "layers.dense", "layers.normalization", "layers.tiny"),
    )
)


class CompiledFinder:
    """Finds the compiled modules of this package, each by its own function in the one file."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the module's spec, or None if it is none of ours or the file is not there."""
        if name not in COMPILED:
            return None
        file = PathFinder.find_spec(f"{__name__}.kernels", __path__)
        if file is None or file.origin is None:
            return None
        return spec_from_file_location(name, file.origin, loader=ExtensionFileLoader(name, file.origin))


if not any(finder.__qualname__ == CompiledFinder.__qualname__ for finder in sys.meta_path if isinstance(finder, type)):
    sys.meta_path.append(CompiledFinder)  # the last to be asked, so that no other import pays for it
