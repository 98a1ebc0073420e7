"""`python -m scratchnn` is `scratchnn`."""

import sys

from scratchnn.cli import main

sys.exit(main())
