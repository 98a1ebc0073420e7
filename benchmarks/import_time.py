"""What `import scratchnn` costs on top of `import numpy`: the median over pairs of new processes.

Run it with ``python benchmarks/import_time.py [PAIRS]``; by default there are 20. A pair's two processes run
one after the other, so that what else the machine does falls on both.
"""

import statistics
import subprocess
import sys

PROGRAM = """
import time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""


def seconds(module):
    command = [sys.executable, "-P", "-c", PROGRAM.format(module)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main(pairs=20):
    for module in ("numpy", "scratchnn"):
        seconds(module)  # files come into the system's cache
    numpy, both = zip(*[(seconds("numpy"), seconds("scratchnn")) for _ in range(pairs)], strict=True)
    added = [with_it - without for without, with_it in zip(numpy, both, strict=True)]
    print(f"import numpy      {1e3 * statistics.median(numpy):6.1f} ms")
    print(f"import scratchnn  {1e3 * statistics.median(both):6.1f} ms")
    print(f"difference        {1e3 * statistics.median(added):6.1f} ms, median of {pairs} pairs")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
