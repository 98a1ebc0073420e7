"""Fewer combinations of a test's parameters: as many as it takes for each two values to meet.

What breaks, breaks nearly always by one value or by two together; all combinations of four parameters are thousands.
`pytest --all-combinations` runs them.
"""

import random
from collections import defaultdict
from itertools import combinations


def parted(items):
    """Return the tests in their order, and apart the combinations that those marked `pairs` can do without."""
    by_function = defaultdict(list)
    for item in items:
        if item.get_closest_marker("pairs"):
            by_function[item.nodeid.partition("[")[0]].append(item)
    dropped = {id(item) for tests in by_function.values() for item in dispensable(tests)}
    return [item for item in items if id(item) not in dropped], [item for item in items if id(item) in dropped]


def dispensable(tests):
    """Yield the tests of one function, in a random order that is always the same, in which no two values first meet."""
    met = set()
    for test in random.Random(0).sample(tests, len(tests)):
        values = [(name, id(value)) for name, value in sorted(test.callspec.params.items(), key=lambda item: item[0])]
        pairs = set(combinations(values, 2))
        if pairs and pairs <= met:
            yield test
        met |= pairs
