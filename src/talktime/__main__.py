"""`python -m talktime` is the command line."""

import sys

from talktime.interfaces.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
