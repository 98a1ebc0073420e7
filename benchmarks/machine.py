"""What the measurements ran on: the processor, what a core of it can do, and what the libraries weigh."""

import os
import platform
import shlex
import statistics
import subprocess
import sysconfig
from importlib import metadata
from pathlib import Path

from import_time import seconds


def cpu_model():
    """Return the processor's name as the system tells it."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    if platform.system() == "Darwin":
        answer = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
        return answer.stdout.strip() or platform.processor()
    return platform.processor() or platform.machine()


def description():
    return {
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


class Peak:
    """A core's clock and its multiply-adds a second, measured by peak.c; several times in a run, since clocks change.

    Attributes
    ----------
    problem : str or None
        Why there is no such program.
    """

    def __init__(self, folder):
        self.program, self.samples, self.problem = Path(folder) / "peak", {}, None
        compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
        source = Path(__file__).with_name("peak.c")
        try:
            subprocess.run([compiler, "-O2", "-o", self.program, source], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.problem = f"peak.c does not compile: {getattr(error, 'stderr', '') or error}".splitlines()[0]

    def measure(self):
        if self.problem is not None:
            return
        for line in subprocess.run([self.program], check=True, capture_output=True, text=True).stdout.splitlines():
            name, _, value = line.rpartition(" ")
            self.samples.setdefault(name, []).append(float(value))

    def medians(self):
        """Return {"clock": GHz, "avx2 float32": GFLOP/s, …}."""
        return {name: statistics.median(values) for name, values in self.samples.items()}


def distributions(name):
    """Return the names of a distribution and of all that it needs, without NumPy and without extras."""
    from packaging.requirements import Requirement

    found, pending = set(), [name]
    while pending:
        name = pending.pop().lower().replace("_", "-")
        if name in found or name == "numpy":
            continue
        found.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name)
    return found


def install_bytes(name):
    """Return the size of all files that installing a distribution beside NumPy adds, compiled Python aside."""
    names = {"numpy"} if name == "numpy" else distributions(name)
    paths = [file.locate() for each in names for file in metadata.files(each) or () if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file())


def import_milliseconds(module, times):
    """Return what importing a module costs in a new process, NumPy's share included, with its files in the cache."""
    return 1e3 * statistics.median(seconds(module) for _ in range(times))
