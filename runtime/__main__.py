"""``python3 -IS <source tree>/runtime ARGUMENTS``: runf without installing it; what is installed has its launcher."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
if __package__ == "":
    # Python was given this directory and put it on the path, where our modules' plain names would hide others
    sys.path[:] = [os.path.dirname(HERE), *(path for path in sys.path if os.path.abspath(path) != HERE)]

from runtime.cli.entry import main  # noqa: E402 - the path comes first

main(sys.argv)
