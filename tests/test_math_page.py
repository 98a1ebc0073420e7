"""docs/math.md: equations numbered without gaps, and what the code cites of it exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "math.md").read_text(encoding="utf-8")


def equation_numbers():
    """Those of displayed equations, \\tag{7}, and of rows of tables, | (7) |, in order."""
    found = re.finditer(r"\\tag\{(\d+)\}|^\| \((\d+)\) \|", PAGE, re.MULTILINE)
    return [int(match[1] or match[2]) for match in found]


def test_every_number_stands_once_and_none_is_left_out():
    # A number once cited stays what it is, so an equation added to a table later has the next free one.
    assert sorted(equation_numbers()) == list(range(1, len(equation_numbers()) + 1))


def test_what_the_code_cites_exists():
    known = set(equation_numbers())
    sources = [
        path
        for folder in ("csrc", "scratchnn", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".h", ".py", ".pyx", ".pxd") or path.name.endswith(".inc.c")
    ]
    for path in sources:
        text = path.read_text(encoding="utf-8")
        for number in re.findall(r"\beq\. (\d+)", text):
            assert int(number) in known, f"{path.name} cites eq. {number}"
        for section in re.findall(r"docs/math\.md, (?:section )?\"([^\"]+)\"", text):
            assert f"\n## {section}\n" in PAGE, f"{path.name} cites section {section}"


def test_every_reference_is_cited():
    text, references = PAGE.split("## References")
    entries = re.findall(r"^\* (\w+), .*?\((\d{4})\)\.", references, re.MULTILINE)
    assert len(entries) == references.count("\n* ")
    for author, year in entries:
        assert re.search(rf"{author}\b[^|]{{0,50}}{year}", text), f"{author} {year} is not cited"
