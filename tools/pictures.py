"""Make the pictures of docs/plots.md from the code that stands before them.

Run `python tools/pictures.py` (needs scratchnn[plots,sklearn]); another folder than docs/images may be given. The
page's examples run one after another, and what a picture shows is the latest figure.
"""

import io
import os
import re
import sys
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"

import matplotlib.pyplot as plt
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "plots.md"
PART = re.compile(r"^```python\n(?P<code>.*?)^```|^!\[[^]]*\]\(images/(?P<picture>[\w.]+)\)", re.DOTALL | re.MULTILINE)


def save(figure, path):
    """Write a figure as PNG with 256 colours, a third of the size, and without the date and version of its making."""
    picture = io.BytesIO()
    figure.savefig(picture, dpi=100, metadata={"Software": None})
    image = Image.open(picture).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    image.save(path, optimize=True)


def main(folder):
    """Run the page's examples and save its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    namespace = {}
    for part in PART.finditer(PAGE.read_text(encoding="utf-8")):
        if part["code"]:
            exec(compile(part["code"], PAGE.name, "exec"), namespace)
        else:
            save(plt.gcf(), folder / part["picture"])
            plt.close("all")
            print(folder / part["picture"])


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "images").resolve()
    os.chdir(ROOT)
    main(target)
