"""The processes of the benchmark, one for each library and number of threads: started, asked, stopped while idle."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

# Set in some environments; they take from OpenBLAS the kernels that it would choose itself.
REMOVED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "SCRATCHNN_ISA", "SCRATCHNN_NUM_THREADS")


def environment(n_threads, isa):
    """Return the environment that makes every library use so many threads."""
    variables = {name: value for name, value in os.environ.items() if name not in REMOVED}
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        variables[f"{name}_NUM_THREADS"] = str(n_threads)
    if n_threads == 1:
        variables["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    variables["JAX_PLATFORMS"] = "cpu"
    if isa:
        variables["SCRATCHNN_ISA"] = isa
    return variables


class Worker:
    """A process that runs worker.py.

    Attributes
    ----------
    rival : str
        A name of ``rivals.NAMES``.
    isa : str or None
        scratchnn's instruction set, None for its own choice.
    about : dict
        What it answered when it had imported its library; has "error" if it could not.
    """

    def __init__(self, rival, n_threads, isa=None, log=None):
        self.rival, self.n_threads, self.isa = rival, n_threads, isa
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py")), rival, str(n_threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log or subprocess.DEVNULL,
            text=True,
            bufsize=1,
            env=environment(n_threads, isa),
            preexec_fn=self.choose_cpus,
        )
        self.about = self._answer(120)
        self._stop()

    def choose_cpus(self):
        """Leave the process as many CPUs as it has threads: not every library obeys its environment."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-self.n_threads :])

    def ask(self, do, timeout=120, **arguments):
        """Send a command and return the answer; {"error": …} if the process ends or takes longer than `timeout`."""
        if self.process.poll() is not None:
            return {"error": f"its process has ended with status {self.process.returncode}"}
        self.process.send_signal(signal.SIGCONT)
        print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        answer = self._answer(timeout)
        self._stop()
        return answer

    def _answer(self, timeout):
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            self.process.kill()
            self.process.wait()
            return {"error": f"no answer after {timeout} s"}
        line = self.process.stdout.readline()
        if not line:
            return {"error": f"its process has ended with status {self.process.wait()}"}
        return json.loads(line)

    def _stop(self):
        """Halt the process with all its threads, those too that would spin and wait for work."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
