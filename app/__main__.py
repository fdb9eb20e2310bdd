"""`python -m app …`: the same as the command `siamscope`."""

import sys

from app.command_line import main

if __name__ == "__main__":
    sys.exit(main())
