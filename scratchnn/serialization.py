"""What a model file means: the state of a network, checked against fixed tables.

A file names activations, a loss and an optimizer out of closed lists, and never a Python name, a
path or an address. The arrays that a network needs follow from its header alone, so they are
compared with those of the file before any is read. `container` knows the bytes,
`docs/model_file.md` describes both.
"""

from __future__ import annotations
