"""The way into every stage: one line for a user's mistake, no stack trace."""

import gc
import os
import sys
from collections.abc import Callable

INTERRUPTED = 130
PRODUCTS = ("data/", "reports/")  # what earlier stages make


class UserError(Exception):
    """Something that the user can put right; its text is the whole message."""


def run(main: Callable[..., None], arguments: list[str] | None = None) -> None:
    """Call `main` with the command line's words and end the process.

    Exit codes: 0 done, 1 a user's mistake (its message on stderr), 130 interrupted.
    """
    words = sys.argv[1:] if arguments is None else arguments
    gc.freeze()  # what torch's import made is no garbage: looking for some costs half a second
    try:
        main(*words)
    except UserError as error:
        print(f"ERROR: {error}{_restore_hint()}", file=sys.stderr)
        sys.exit(1)
    except FileNotFoundError as error:
        if not str(error.filename).startswith(PRODUCTS):
            raise
        print(f"ERROR: {error.filename}: not there yet; `dvc repro` makes it", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        gc.freeze()


def _restore_hint() -> str:
    """DVC removes a stage's outputs before it runs the command; say how to get them back."""
    if "DVC_STAGE" not in os.environ:
        return ""
    return "\n(`dvc checkout` brings back the outputs that DVC removed before this stage.)"
