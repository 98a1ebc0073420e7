"""Tables from results.json. Ratios are a rival's time by scratchnn's, on the same number of threads."""

# How far losses may differ, relative to scratchnn's, and predictions, absolutely: rounding in another order, which
# training carries on from step to step. Anything above means that different work was done.
TOLERANCE = {"float32": 2e-3, "float64": 1e-7}
# scikit-learn adds Adam's epsilon before the correction of the bias, which tells where gradients are small. With
# an epsilon of 1e-12 in both, its loss in W10 is scratchnn's to 3e-5; with 1e-8 they differ by 6 %.
CONVENTION = {"sklearn": 0.1}
PREDICTION_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


class Results:
    """Look-ups in what compare.py has written."""

    def __init__(self, results):
        self.results = results
        self.rows = results["workloads"]
        self.by_key = {(m["row"], m["rival"], m["threads"], m["isa"]): m for m in results["measurements"]}
        self.rivals = [name for name in results["rivals"] if name != "scratchnn"]

    def title(self, name):
        return self.results["rivals"][name]["title"]

    def get(self, row, rival, threads, isa=None):
        """Return the measurement, None where there is none."""
        measurement = self.by_key.get((row["name"], rival, threads, isa))
        return None if measurement is None or "skipped" in measurement else measurement

    def microseconds(self, row, rival, threads, isa=None):
        measurement = self.get(row, rival, threads, isa)
        return None if measurement is None else measurement["microseconds"]

    def best_rival(self, row, threads):
        """Return (microseconds, name) of the fastest that may use so many threads or fewer, or None."""
        times = [
            (measurement["microseconds"], name)
            for name in self.rivals
            for n in range(1, threads + 1)
            if (measurement := self.get(row, name, n)) is not None
        ]
        return min(times, default=None)

    def ratio(self, row, threads):
        """Return the best rival's time by scratchnn's, None where either is missing."""
        ours, best = self.microseconds(row, "scratchnn", threads), self.best_rival(row, threads)
        return None if ours is None or best is None else best[0] / ours

    def share_of_peak(self, row, rival="scratchnn", threads=1, isa=None):
        """Return the multiply-adds of a step's products by what the cores could have done in that time, or None."""
        taken = self.microseconds(row, rival, threads, isa)
        peak = self.results["peak"].get(f"{isa or self.results['isa']} {row['dtype']}")
        if taken is None or peak is None:
            return None
        return 2 * row["multiply_adds"] / (1e3 * taken * peak * threads)

    def cycles_per_sample(self, row, threads=1):
        """Return a core's cycles for one sample of a step."""
        taken, clock = self.microseconds(row, "scratchnn", threads), self.results["peak"].get("clock")
        return None if taken is None or clock is None else 1e3 * taken * clock * threads / row["batch_size"]

    def disagreement(self, row, measurement):
        """Return how far a final loss or a prediction is off, by its tolerance; None where there is no comparison."""
        if measurement["difference"] is not None:
            return measurement["difference"] / PREDICTION_TOLERANCE[row["dtype"]]
        ours = self.get(row, "scratchnn", 1)
        if ours is None:
            return None
        tolerance = CONVENTION.get(measurement["rival"], TOLERANCE[row["dtype"]])
        return abs(measurement["final_loss"] / ours["final_loss"] - 1) / tolerance

    def mismatches(self):
        """Yield (row, measurement) where different work was done."""
        for row in self.rows:
            for measurement in self.results["measurements"]:
                if measurement["row"] == row["name"] and "skipped" not in measurement:
                    off = self.disagreement(row, measurement)
                    if off is not None and not off <= 1:  # NaN too
                        yield row, measurement


def number(value):
    """Three digits, without an exponent where it can be read without."""
    if value is None:
        return "–"
    if value == 0 or value < 1e-3:
        return f"{value:.2g}"
    digits = 2 - len(f"{value:.0f}") + 1 if value >= 1 else 3
    return f"{value:,.{max(0, digits)}f}"


def percent(value):
    return "–" if value is None else f"{100 * value:.{0 if value >= 0.1 else 1}f} %"


def times(value):
    """A ratio; bold where the rival wins."""
    if value is None:
        return "–"
    return f"{value:.2f}" if value >= 1 else f"**{number(value)}**"


def table(head, lines):
    """Return a markdown table: the first column is text, the others are numbers."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *lines]) + "\n"


def who(results, measurement):
    """Name a measurement: the library, its instruction set if it was told one, its threads."""
    isa = f" {measurement['isa']}" if measurement["isa"] else ""
    plural = "s" if measurement["threads"] > 1 else ""
    return f"{results.title(measurement['rival'])}{isa}, {measurement['threads']} thread{plural}"


def headline(results):
    """Say when, where and how it was measured."""
    machine = results.results["machine"]
    form = "short form" if results.results["short"] else "long form"
    return (
        f"{results.results['date']}, {machine['cpu']}, {machine['cpus']} CPUs, {machine['system']}, "
        f"Python {machine['python']}, {results.results['isa']}; {form}, medians of {results.results['rounds']} rounds."
    )


def time_table(results, threads):
    names = [name for name in results.rivals if any(results.get(row, name, threads) for row in results.rows)]
    head = ["row", "scratchnn", *map(results.title, names), "best rival", "ratio", "share of peak"]
    lines = []
    for row in results.rows:
        best = results.best_rival(row, threads)
        cells = [number(results.microseconds(row, name, threads)) for name in ("scratchnn", *names)]
        lines.append(
            [
                row["name"],
                *cells,
                "–" if best is None else results.title(best[1]),
                times(results.ratio(row, threads)),
                percent(results.share_of_peak(row, threads=threads)),
            ]
        )
    return table(head, lines)


def isa_table(results):
    default = results.results["isa"]
    others = [isa for isa in results.results["isas"] if isa != default]
    head = ["row", *[f"{isa}{part}" for isa in (default, *others) for part in ("", ", share of its peak")]]
    lines = []
    for row in results.rows:
        cells = []
        for isa in (None, *others):
            cells.append(number(results.microseconds(row, "scratchnn", 1, isa)))
            cells.append(percent(results.share_of_peak(row, isa=isa)))
        lines.append([row["name"], *cells])
    return table(head, lines)


def loss_table(results):
    """Final losses; for predictions how far they are from float64's."""
    names = [name for name in results.rivals if any(results.get(row, name, 1) for row in results.rows)]
    head = ["row", "scratchnn", *map(results.title, names)]
    lines = []
    for row in results.rows:
        cells = []
        for name in ("scratchnn", *names):
            measurement = results.get(row, name, 1)
            if measurement is None:
                cells.append("–")
            elif measurement["difference"] is not None:
                cells.append(f"± {measurement['difference']:.1e}")
            else:
                cells.append(f"{measurement['final_loss']:.7g}")
        lines.append([row["name"], *cells])
    return table(head, lines)


def memory_table(results):
    names = [name for name in results.rivals if any(results.get(row, name, 1) for row in results.rows)]
    lines = []
    for row in results.rows:
        measurements = [results.get(row, name, 1) for name in ("scratchnn", *names)]
        lines.append([row["name"], *["–" if m is None else number(m["memory_bytes"] / 1e6) for m in measurements]])
    return table(["row", "scratchnn", *map(results.title, names)], lines)


def library_table(results):
    lines = []
    for entry in results.results["rivals"].values():
        size = entry.get("install_bytes")
        lines.append(
            [
                entry["title"],
                entry["version"] or "–",
                number(entry.get("import_ms")),
                number(None if size is None else size / 1e6),
            ]
        )
    return table(["library", "version", "import, ms", "installed, MB"], lines)


def notes(results):
    """Yield what must not be overlooked: rows that a rival wins, other work, and all that is missing."""
    load = results.results["machine"]["load_before"]
    if load > 0.25:
        yield f"The machine was not idle: its load average was {load:.2f} before the run."
    for row in results.rows:
        for threads in (1, 2):
            ratio = results.ratio(row, threads)
            if ratio is not None and ratio < 1:
                winner = results.title(results.best_rival(row, threads)[1])
                plural = "s" if threads > 1 else ""
                yield f"**{row['name']} is won by {winner}** on {threads} thread{plural}: ratio {number(ratio)}."
    for row, measurement in results.mismatches():
        yield f"**MISMATCH**: {who(results, measurement)} did other work in {row['name']} than scratchnn."
    for entry in results.results["rivals"].values():
        if entry["skipped"] is not None:
            yield f"{entry['title']} is skipped: {entry['skipped']}."
    reasons = {}
    for measurement in results.results["measurements"]:
        if "skipped" in measurement:
            key = who(results, measurement).replace(", 1 thread", "").replace(", 2 threads", ""), measurement["skipped"]
            rows = reasons.setdefault(key, [])
            if measurement["row"] not in rows:
                rows.append(measurement["row"])
    for (name, reason), rows in reasons.items():
        yield f"{name} is skipped in {', '.join(rows)}: {reason}."
    for measurement in results.results["measurements"]:
        for variant, reason in measurement.get("failed_variants", {}).items():
            yield f"{who(results, measurement)}, {measurement['row']}: its variant “{variant}” failed: {reason}."


def variants_line(results):
    """Name the variant that was the fastest, where a library has several."""
    chosen = {}
    for measurement in results.results["measurements"]:
        if len(measurement.get("variants", {})) > 1:
            key = f"{results.title(measurement['rival'])} {measurement['variant']}"
            label = f"{measurement['row']}×{measurement['threads']}"
            chosen.setdefault(key, []).append(label)
    return "; ".join(f"{key}: {', '.join(labels)}" for key, labels in chosen.items())


def markdown(raw):
    """Return the whole report on results.json's contents."""
    results = Results(raw)
    peak = ", ".join(f"{name} {value:.4g}" for name, value in raw["peak"].items() if name != "clock") or "not measured"
    parts = ["# Benchmark", headline(results)]
    parts.append(f"Of one core, in this run: clock {number(raw['peak'].get('clock'))} GHz; GFLOP/s: {peak}.")
    parts += ["\n".join(f"* {note}" for note in notes(results))]
    rows = [[row["name"], row["description"], row["dtype"]] for row in results.rows]
    parts += ["## Rows", table(["row", "what", "dtype"], rows).replace("--:", "---")]
    for threads in (1, 2):
        if any(results.get(row, "scratchnn", threads) for row in results.rows):
            parts += [
                f"## Microseconds of a step, {threads} thread{'s' if threads > 1 else ''}",
                time_table(results, threads),
            ]
    parts += [
        "A step is one batch, or one call that predicts. The ratio is the best rival's time by scratchnn's; below 1, "
        "in bold, the rival wins. On two threads a rival that is faster on one counts with that.",
    ]
    for row in results.rows:
        if row["name"] == "SC" and results.cycles_per_sample(row) is not None:
            cells = [f"{number(results.cycles_per_sample(row, n))} on {n}" for n in (1, 2)]
            parts.append(f"SC, core cycles for a sample by number of threads: {', '.join(cells)}.")
    variants = variants_line(results)
    if variants:
        parts.append(f"The fastest variants, as row × threads: {variants}.")
    parts += ["## Instruction sets of scratchnn, 1 thread, microseconds of a step", isa_table(results)]
    parts += [
        "## Final loss from the same start",
        loss_table(results),
        f"Losses may differ by {TOLERANCE['float32']:g} (float32) and {TOLERANCE['float64']:g} (float64) of "
        "scratchnn's, scikit-learn's by "
        f"{CONVENTION['sklearn']:g}, since its Adam adds epsilon elsewhere. Where it is more, a line above says "
        "MISMATCH. Rows that predict show the largest difference "
        "from float64.",
        "## Peak memory in MB, 1 thread, above the libraries and the data",
        memory_table(results),
        "## Libraries",
        library_table(results),
        "Import times include NumPy's, which all need but FANN. Sizes include what a library requires, without NumPy.",
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
