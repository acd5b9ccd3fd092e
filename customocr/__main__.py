"""`python -m customocr` is the command `customocr`."""

import sys

from customocr.cli import main

if __name__ == "__main__":  # a process that is spawned imports this module too
    sys.exit(main())
