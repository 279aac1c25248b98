"""Run the command line as ``python -m nmflab``."""

import sys

from nmflab.cli.main import main

if __name__ == "__main__":
    code = main()
    # Python notes a Ctrl-C that came while text was executed, as the making of a dataclass does,
    # and would end by it although it was caught. Executing some more has it forget that.
    exec("")
    sys.exit(code)
