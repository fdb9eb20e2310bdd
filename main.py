"""`python main.py …` from a checkout: the same as the installed command `siamscope`."""

import sys

from tracker_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
