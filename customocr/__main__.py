"""`python -m customocr` is the command `customocr`."""

import sys

from customocr.cli import main

sys.exit(main())
