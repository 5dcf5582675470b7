"""Stacks as debuggers and sanitizers print them."""

import re

_FRAME = re.compile(r"^ *#(?P<number>\d+) +(?:0x[0-9a-f]+ +)?(?:in +)?(?P<rest>\S[^\n]*)$", re.MULTILINE)
_FUNCTION = re.compile(r"(?P<name>[\w.:~<>$@]+)")
_SOURCE = re.compile(r"(?P<file>[^\s/()]+\.[a-zA-Z+]{1,3}):(?P<line>\d+)")
_LIBRARY = re.compile(r"(?P<file>[^\s/(]+\.so[\w.]*)")
# What stands between the fault and the program's own code: the C library's, and the sanitizer's interceptors.
_NOT_ITS_OWN = re.compile(
    r"__(?:interceptor|asan|ubsan|tsan|msan|sanitizer|GI_|pthread_kill|assert_fail|libc_message|restore_rt|stack_chk|fortify"
    r"|libc_start|clone)|^_start$|^start_thread$|^clone3?$"
    r"|^(?:raise|abort|malloc|calloc|realloc|free|memcpy|memmove|memset|memcmp|strlen|strdup|_int_free|malloc_printerr)$"
    r"|<signal|lib[at]san|libubsan|libsanitizer"
)
_CAUGHT = re.compile(r"^#\d+ +<signal handler called>$", re.MULTILINE)
_MOST = 3


def places(stack: str) -> list[str]:
    """The places of the first stack in a text, innermost first, as ``function (file.c:12)``, or just the library."""
    found: list[str] = []
    last = -1
    # Above this is what the daemon did when it had caught the signal.
    caught = _CAUGHT.search(stack)
    for frame in _FRAME.finditer(stack, caught.end() if caught else 0):
        number = int(frame["number"])
        if number <= last:
            break  # another thread, or where the memory was freed
        last = number
        place = _place(frame["rest"])
        if place and place not in found[-1:]:
            found.append(place)
    return found


def _place(rest: str) -> str:
    name = _FUNCTION.match(rest)
    source, library = _SOURCE.search(rest), _LIBRARY.search(rest)
    if name is None:
        return library["file"] if library and not library["file"].startswith("libc.so") else ""
    if _NOT_ITS_OWN.search(name["name"]) or (source is None and _NOT_ITS_OWN.search(rest)):
        return ""
    if source is not None:
        return f"{name['name']} ({source['file']}:{source['line']})"
    return name["name"] + (f" ({library['file']})" if library else "")


def told(stack: str) -> str:
    """The same for a sentence, `` at A < B < C``; empty where no place is known."""
    known = places(stack)[:_MOST]
    return f" at {' < '.join(known)}" if known else ""
