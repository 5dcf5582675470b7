"""What a daemon has written of its own end: assertions, backtraces, the complaints of libc and of sanitizers."""

import re
import signal

from peers.places.sanitizers import reports

_ASSERTION = re.compile(r"(?:ABORT: )?ASSERTION FAILED[^\n]*|[^\n:]+:\d+: [^\n]*Assertion [^\n]* failed[^\n]*")
_LIBC = re.compile(
    r"(?:free|malloc|realloc|munmap_chunk|corrupted)\w*(?:\(\))?: [a-z][^\n]*|\*\*\* stack smashing detected[^\n]*"
)
_SIGNAL = re.compile(r"thread \d+ received (\d+)$", re.MULTILINE)
_FRAME = re.compile(r"\] +-> (?P<place>[^\n?]\S*)")
_NOT_ITS_OWN = ("libc_sigaction", "pthread_create", "clone3.S")
_LIMIT = 300

DYING = b"stack frame addresses:"
"""strongSwan writes this when it has crashed; it works out the backtrace that follows for a second, then it ends."""


def last_words(log: str, console: str = "") -> str:
    """Why a daemon ended, in one line made of what it wrote; empty if it did not say."""
    for text in (console, log):
        for report in reports(text):
            return report.words[:_LIMIT]
    for pattern in (_ASSERTION, _LIBC):
        found = pattern.search(console) or pattern.search(log)
        if found:
            return " ".join(found[0].split())[:_LIMIT]
    caught = _SIGNAL.search(log)
    if caught is None:
        return ""
    named = [one["place"].rpartition("/")[2] for one in _FRAME.finditer(log, caught.end())]
    places = [one for one in named if not one.startswith(_NOT_ITS_OWN)]
    return _name(int(caught[1])) + (f" at {' < '.join(places[:3])}" if places else "")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
