"""The picture of the results: how many times as long as scratchnn each library takes."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter
from report import Results

MARKERS = "osD^vPX*"


def save(raw, path):
    """Write a picture with a panel for each number of threads; rows downwards, ratios to the right."""
    results = Results(raw)
    figure, panels = plt.subplots(
        1, 2, sharey=True, sharex=True, figsize=(12, 1.6 + 0.42 * len(results.rows)), layout="constrained"
    )
    for threads, axes in zip((1, 2), panels, strict=True):
        for i, name in enumerate(results.rivals):
            points = []
            for y, row in enumerate(results.rows):
                ours, theirs = (results.microseconds(row, who, threads) for who in ("scratchnn", name))
                if ours is not None and theirs is not None:
                    points.append((theirs / ours, y))
            if points:
                axes.scatter(*zip(*points, strict=True), marker=MARKERS[i], s=45, alpha=0.8, label=results.title(name))
        axes.axvline(1, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_title(f"{threads} thread{'s' if threads > 1 else ''}")
        axes.set_xlabel("its time by scratchnn's; left of 1 it is faster")
        axes.grid(axis="both", alpha=0.3)
        axes.set_axisbelow(True)
    descriptions = [f"{row['name']}: {row['description']}" for row in results.rows]
    panels[0].set_yticks(range(len(descriptions)), descriptions, fontsize=8)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    machine = raw["machine"]
    figure.supxlabel(f"{raw['date']}, {machine['cpu']}, {machine['cpus']} CPUs", fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)
