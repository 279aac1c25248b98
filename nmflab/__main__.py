"""Run the command line as ``python -m nmflab``."""

import sys

from nmflab.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
