"""`python -m tracker_core.cli …`: how the window starts its own long work."""

import sys

from tracker_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
