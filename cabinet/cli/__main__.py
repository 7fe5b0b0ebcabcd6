"""`python -m cabinet.cli` is cabinetctl where it is not installed."""

import sys

from cabinet.cli import main

if __name__ == "__main__":
    sys.exit(main())
