"""The command line: `breadth`, `python -m breadth`."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command line on `sys.argv` and returns its exit status.

    >>> import sys
    >>> sys.argv = ["breadth", "--version"]
    >>> main()
    0
    """
    from breadth import _native

    return _native.main(["breadth", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
