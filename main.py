"""`python main.py …` from a checkout: the same as the installed command `siamscope`."""

import sys

from app.command_line import main

if __name__ == "__main__":
    sys.exit(main())
