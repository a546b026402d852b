"""The `shraga` command."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and exit with its code; Ctrl-C exits 130 without a word."""
    # A start makes many objects and frees few: collecting in between is a tenth of `shraga list`.
    gc.disable()
    gc.set_threshold(100_000, 20, 20)
    try:
        from shraga_tui.cli.app import run

        # What is loaded stays until the end; no later collection need look at it.
        gc.freeze()
        gc.enable()
        code = run()
        # Python's last look for garbage would find nothing to do, in a twentieth of a short command's time.
        gc.freeze()
        sys.exit(code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
