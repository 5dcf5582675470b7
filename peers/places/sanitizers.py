"""What the sanitizers of a compiler report of a daemon that was built with them, and how they are told to do so.

AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer, MemorySanitizer and LeakSanitizer, of GCC and of Clang;
and strongSwan's own leak detective, which says much the same.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from peers.places.frames import told

_GO_ON = ("UBSan", "TSan")
"""Those whose finds are often old and harmless: whoever ended at each would never come to what is to be tested."""
KINDS = {
    "ASan": ("ASAN_OPTIONS", b"__asan_init"),
    "UBSan": ("UBSAN_OPTIONS", b"__ubsan_handle_"),
    "TSan": ("TSAN_OPTIONS", b"__tsan_init"),
    "MSan": ("MSAN_OPTIONS", b"__msan_init"),
    "LSan": ("LSAN_OPTIONS", b"__lsan_init"),
}
"""Of each sanitizer the variable with its options, and a symbol that only programs built with it have."""
_OPTIONS = (
    *("abort_on_error=1", "print_stacktrace=1"),
    # Even where the daemon has a handler of its own: that of charon knows less.
    *("handle_segv=2", "handle_sigbus=2", "handle_sigill=2", "handle_sigfpe=2"),
    # The shim is loaded before the sanitizer's own library.
    "verify_asan_link_order=0",
)
_LEAK_LOG = "leaks"
_LIMIT = 1 << 20

_START = re.compile(
    r"^(?:==\d+==)?(?:ERROR|WARNING): (?P<tool>\w+Sanitizer): (?P<what>[^\n]*)"
    r"|^(?P<place>[^\s:][^\n:]*:\d+:\d+): runtime error: (?P<error>[^\n]*)"
    r"|^(?P<leaks>One leak|\d+ leaks) detected(?P<size>, \d+ bytes)?[^\n]*",
    re.MULTILINE,
)
_END = re.compile(r"^SUMMARY: \w+Sanitizer: [^\n]*$", re.MULTILINE)
_ACCESS = re.compile(r"^ *(?P<access>READ|WRITE) of size \d+|signal is caused by a (?P<cause>READ|WRITE)", re.MULTILINE)
_ADDRESSES = re.compile(r" (?:on|in|at|to)? ?(?:unknown )?address 0x[0-9a-f]+[^\n]*| \((?:pc 0x|pid=)[^\n]*")
_ITSELF = "has encountered a fatal error"


@dataclass(frozen=True, slots=True)
class Report:
    """One report: ``words`` is one line for a verdict, with the innermost places; ``text`` is all of it."""

    words: str
    text: str


def environment(directory: str, given: Mapping[str, str]) -> dict[str, str]:
    """The variables that make a daemon write reports into ``directory``, and end at the first one that is about memory.

    ``given`` is the environment of whoever started us: options there win, such as ``halt_on_error=0`` or
    ``suppressions=FILE``, but the place of the reports is ours. One file for each sanitizer: each would empty the
    other's.
    """
    found = {"LEAK_DETECTIVE_LOG": f"{directory}/{_LEAK_LOG}"}
    for kind, (variable, _) in KINDS.items():
        # AddressSanitizer reads those of LeakSanitizer after its own.
        words = [*_OPTIONS, f"halt_on_error={0 if kind in _GO_ON else 1}"] if kind != "LSan" else []
        words += [*([given[variable]] if given.get(variable) else []), f"log_path={directory}/{kind.lower()}"]
        found[variable] = ":".join(words)
    return found


def written(directory: Path) -> str:
    """All that sanitizers have written into this directory so far. Never raises."""
    text = ""
    for file in _files(directory):
        with contextlib.suppress(OSError), file.open("rb") as opened:
            text += opened.read(_LIMIT).decode(errors="replace")
    return text


def remove(directory: Path) -> None:
    """Remove what they have written. Never raises."""
    for file in _files(directory):
        with contextlib.suppress(OSError):
            file.unlink()


def _files(directory: Path) -> list[Path]:
    names = {_LEAK_LOG, *(kind.lower() for kind in KINDS)}
    try:
        return sorted(one for one in directory.iterdir() if one.name.partition(".")[0] in names and one.is_file())
    except OSError:
        return []


def built_in(program: Path) -> tuple[str, ...]:
    """The sanitizers that a program was built with, by its symbols. Never raises."""
    try:
        content = program.read_bytes()
    except OSError:
        return ()
    return tuple(kind for kind, (_, symbol) in KINDS.items() if symbol in content)


def complete(text: str) -> bool:
    """Whether no report is still being written: a sanitizer may take seconds to find the names of the places."""
    starts = [one for one in _START.finditer(text) if one["tool"] and _ITSELF not in one["what"]]
    return not starts or _END.search(text, starts[-1].end()) is not None


def reports(text: str) -> Iterator[Report]:
    """The reports in a text, which may hold anything else, too."""
    starts = [one for one in _START.finditer(text) if _ITSELF not in one[0]]
    for number, start in enumerate(starts):
        limit = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        summary = _END.search(text, start.end(), limit)
        if start["leaks"]:  # the leak detective tells the leaks first and counts them afterwards
            begin = starts[number - 1].end() if number else 0
            body = text[begin : start.end()]
            yield Report(f"leak detective: {start['leaks']} detected{start['size'] or ''}{told(body)}", body.strip())
            continue
        body = text[start.start() : summary.end() if summary else limit].strip()
        yield Report(_words(start, body), body)


def _words(start: re.Match[str], body: str) -> str:
    if start["place"]:
        place = start["place"].rpartition("/")[2]
        where = told(body) or f" at {place}"
        return f"UndefinedBehaviorSanitizer: {start['error'].strip()}{where}"
    what = _ADDRESSES.sub("", start["what"]).strip()
    access = _ACCESS.search(body)
    how = f", {access['access'] or access['cause']}" if access else ""
    return f"{start['tool']}: {what}{how}{told(body)}"
