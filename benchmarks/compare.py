"""The benchmark: every row of workloads.py with every library of rivals/, in turn, on one and two threads.

``python benchmarks/compare.py [--short] [--rows W1,W5] [--rivals torch,numpy] [--output FOLDER]``, or ``make bench``.
Writes results.json, results.csv, results.png and table.md.
"""

import argparse
import csv
import datetime
import json
import os
import statistics
import sys
from pathlib import Path

import machine
import report
import rivals
import workloads
from workers import Worker

# (seconds of a measurement, rounds) of the two forms.
SHORT, LONG = (0.03, 3), (0.25, 7)
# A measurement that takes longer than so many seconds is done once in the short form.
SLOW = 0.3
THREADS = (1, 2)
# A first call may compile; torch.compile takes a minute.
PATIENCE = 300


def start(names, log):
    """Return (workers, {rival: {"version", "skipped"}}, scratchnn's default instruction set, the available ones)."""
    workers, about, isa, isas = [], {}, None, ()
    if "scratchnn" in names:
        from scratchnn.core import kernels

        isas = kernels.available()
    for name in names:
        threads = THREADS[:1] if name in rivals.SINGLE_THREADED else THREADS
        for n_threads, wanted in [(n, None) for n in threads] + [(1, i) for i in isas if name == "scratchnn"]:
            if wanted is not None and wanted == isa:
                continue
            worker = Worker(name, n_threads, wanted, log)
            entry = about.setdefault(name, {"title": rivals.TITLES[name], "version": None, "skipped": None})
            if "error" in worker.about:
                entry["skipped"] = worker.about["error"]
                worker.close()
                break
            entry["version"] = worker.about["version"]
            isa = isa or worker.about["isa"]
            workers.append(worker)
    return workers, about, isa, isas


def weigh(about, short):
    """Add what each library's import and installation cost."""
    for name, entry in about.items():
        if entry["skipped"] is not None:
            continue
        module = rivals.load(name)
        if module.MODULE is not None:
            entry["import_ms"] = machine.import_milliseconds(module.MODULE, 1 if short else 5)
        if module.DISTRIBUTION is not None:
            try:
                entry["install_bytes"] = machine.install_bytes(module.DISTRIBUTION)
            except (ImportError, machine.metadata.PackageNotFoundError) as error:
                print(f"no install size of {name}: {error}", file=sys.stderr)


def prepare(worker, workload, duration, short):
    """Let a worker make ready for a row; return who, what, and how or why not."""
    entry = {"row": workload.name, "rival": worker.rival, "threads": worker.n_threads, "isa": worker.isa}
    if short and worker.isa is not None and workload.name == "W9":
        return entry | {"skipped": "left out of the short form"}
    answer = worker.ask("prepare", PATIENCE, name=workload.name, duration=duration, short=short)
    if "unsuitable" in answer or "error" in answer:
        return entry | {"skipped": answer.get("unsuitable") or answer["error"]}
    return entry | answer | {"rounds": []}


def measure_row(workload, workers, duration, rounds, short):
    """Return the measurements of a row, a dict for each worker: who, what, and either times or why there are none."""
    pairs = [(worker, prepare(worker, workload, duration, short)) for worker in workers]
    for round_ in range(rounds):
        for worker, entry in pairs:
            if "skipped" in entry:
                continue
            if short and round_ and entry["seconds_of_a_measurement"] > SLOW:
                continue
            answer = worker.ask("measure", PATIENCE)
            if "error" in answer:
                entry["skipped"] = answer["error"]
            else:
                entry["rounds"].append(answer["microseconds"])
    for worker, entry in pairs:
        if "skipped" not in entry:
            entry["microseconds"] = statistics.median(entry["rounds"])
        worker.ask("finish")
    return [entry for _, entry in pairs]


def describe(workload):
    return {
        "name": workload.name,
        "description": workload.description,
        "kind": workload.kind,
        "dtype": workload.dtype,
        "batch_size": workload.batch_size,
        "multiply_adds": workload.multiply_adds,
    }


def write_csv(path, results):
    columns = [
        "row",
        "rival",
        "threads",
        "isa",
        "variant",
        "microseconds",
        "steps",
        "final_loss",
        "difference",
        "memory_bytes",
        "skipped",
    ]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(results["measurements"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="at most three minutes: fewer and shorter measurements")
    parser.add_argument("--rows", default=",".join(workloads.BY_NAME), help="names, such as W1,W5")
    parser.add_argument("--rivals", default=",".join(rivals.NAMES), help="names, such as torch,numpy")
    parser.add_argument("--output", type=Path, default=Path("build/bench"), help="the folder of the results")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str((options.output / "inductor").resolve()))
    rows = [workloads.BY_NAME[name] for name in options.rows.split(",")]
    duration, rounds = SHORT if options.short else LONG

    names = ["scratchnn", *(name for name in options.rivals.split(",") if name != "scratchnn")]
    described, peak = machine.description(), machine.Peak(options.output)
    peak.measure()
    if peak.problem is not None:
        print(peak.problem, file=sys.stderr)
    with open(options.output / "workers.log", "w") as log:
        workers, about, isa, isas = start(names, log)
        try:
            weigh(about, options.short)
            measurements = []
            for workload in rows:
                print(f"{workload.name:4} {workload.description}", file=sys.stderr, flush=True)
                measurements += measure_row(workload, workers, duration, rounds, options.short)
                peak.measure()
        finally:
            for worker in workers:
                worker.close()

    results = {
        "date": datetime.date.today().isoformat(),
        "short": options.short,
        "rounds": rounds,
        "machine": described,
        "peak": peak.medians(),
        "isa": isa,
        "isas": isas,
        "rivals": about,
        "workloads": [describe(workload) for workload in rows],
        "measurements": measurements,
    }
    with open(options.output / "results.json", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    write_csv(options.output / "results.csv", results)
    text = report.markdown(results)
    (options.output / "table.md").write_text(text, encoding="utf-8")
    print(text)
    try:
        import plot
    except ImportError as error:
        print(f"no picture: {error}", file=sys.stderr)
    else:
        plot.save(results, options.output / "results.png")


if __name__ == "__main__":
    main()
