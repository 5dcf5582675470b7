"""How the command ends: exit codes, and one line for what a user can mend."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

EXIT_OK, EXIT_VERDICT, EXIT_SETUP = 0, 1, 2
EXIT_SIGNAL = 128
"""With the number of the signal added, as shells have it: 130 for Ctrl-C, 143 for SIGTERM."""


def fail(text: str, code: int = EXIT_SETUP) -> NoReturn:
    """Say in one line what is wrong and end, whatever the words are in which it was said or asked for."""
    from conformance.wire.meaning import printable

    print(f"ikespec: {printable(' '.join(text.split()))}", file=sys.stderr)
    raise SystemExit(code)


@contextmanager
def one_line_errors(folder: Path | None = None) -> Iterator[None]:
    """Turn what a user can mend into one line; ``folder`` is written to, and named where an error names no file."""
    from peers.contract import DeviceError
    from reports.errors import ReportError
    from suites.campaign.store import StoreError

    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or (folder if error.errno else None)
        fail(f"{where}: {error.strerror}" if where and error.strerror else error.strerror or str(error))
    except (DeviceError, ReportError, StoreError) as error:
        fail(str(error))
