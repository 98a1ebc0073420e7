"""Put the table of speeds into README.md, between its two markers, from the results of ``make bench``.

``python benchmarks/readme_table.py [--results build/bench/results.json] [--readme README.md]``
"""

import argparse
import json
from pathlib import Path

from report import Results, headline, notes, number, table, times

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def render(raw):
    """Return the markdown between the markers."""
    results = Results(raw)
    head = ["network and training", "µs a step", "best rival", "ratio", "µs, 2 threads", "ratio"]
    lines = []
    for row in results.rows:
        best = results.best_rival(row, 1)
        lines.append(
            [
                row["description"],
                number(results.microseconds(row, "scratchnn", 1)),
                "–" if best is None else results.title(best[1]),
                times(results.ratio(row, 1)),
                number(results.microseconds(row, "scratchnn", 2)),
                times(results.ratio(row, 2)),
            ]
        )
    compared = [
        f"{entry['title']}{' ' + entry['version'] if entry['version'] else ''}"
        for name, entry in raw["rivals"].items()
        if name != "scratchnn" and entry["skipped"] is None
    ]
    missing = [entry["title"] for entry in raw["rivals"].values() if entry["skipped"] is not None]
    text = [table(head, lines)]
    text.append(
        f"{headline(results)} Compared with {', '.join(compared)}. The ratio is the "
        "best rival's time by scratchnn's; in bold, the rival is faster."
    )
    if missing:
        text.append(f"Not compared, because not installed there: {', '.join(missing)}.")
    text += [note for note in notes(results) if "MISMATCH" in note]
    return "\n".join(text)


def put(text, between):
    """Return `text` with what is between the markers replaced.

    ValueError unless each marker is there once, in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"expected {BEGIN} and {END} once each, in this order")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{between.strip()}\n{END}{rest.split(END)[1]}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("build/bench/results.json"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    options = parser.parse_args(arguments)
    raw = json.loads(options.results.read_text(encoding="utf-8"))
    text = put(options.readme.read_text(encoding="utf-8"), render(raw))
    options.readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
