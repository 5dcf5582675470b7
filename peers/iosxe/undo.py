"""What is ours in a router's configuration, and how it is taken away again.

Objects with names are ours if the name begins with our prefix, interfaces if their description does. Settings that a
router has once, such as ``crypto ikev2 fragmentation``, have no name: what they were before stands on the router
itself, as remarks of an access list of ours. So the next run undoes from the configuration alone what one that crashed
has left.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from peers.iosxe.configuration import Block

_BEFORE = "-BEFORE"
# In the order in which they go: nothing may still be named by something else.
_NAMED = (
    r"ip route \S+ \S+ \S+ name {}\S*",
    r"interface .*",
    r"crypto ipsec profile {}\S*",
    r"crypto ikev2 profile {}\S*",
    r"crypto ikev2 policy {}\S*",
    r"crypto ikev2 proposal {}\S*",
    r"crypto ikev2 keyring {}\S*",
    r"crypto ikev2 authorization policy {}\S*",
    r"crypto ipsec transform-set {}\S*(?= )",
    r"aaa authorization network {}\S* local",
    r"ip local pool {}\S*(?= )",
    r"crypto pki certificate map {}\S* \d+",
    r"ip access-list extended {}\S*",
    r"crypto pki trustpoint {}\S*",
)
_SMART_DEFAULTS = ("ikev2 proposal", "ikev2 policy", "ipsec profile", "ipsec transform-set")
TRUSTPOINT = "crypto pki trustpoint "


def blocks(running: str) -> Iterator[Block]:
    """The lines of the global configuration, each with the lines of its mode as they are indented below it."""
    header, lines = "", list[str]()
    for line in running.splitlines():
        if not line.strip() or line.lstrip().startswith("!"):
            continue
        if line.startswith(" "):
            lines.append(line[1:].rstrip())
            continue
        if header:
            yield Block(header, tuple(lines))
        header, lines = line.rstrip(), []
    if header:
        yield Block(header, tuple(lines))


def removal(found: Iterable[Block], prefix: str) -> list[str]:
    """The lines that remove what is ours among blocks."""
    lines: list[tuple[int, str]] = []
    for block in found:
        for rank, pattern in enumerate(_NAMED):
            match = re.match(pattern.format(re.escape(prefix)), block.header)
            if match is None or (pattern.startswith("interface") and not _described(block, prefix)):
                continue
            if not block.header.startswith(f"ip access-list extended {prefix}{_BEFORE}"):
                lines.append((rank, f"no {match[0].removesuffix(' type tunnel')}"))
            break
    return list(dict.fromkeys(line for _, line in sorted(lines, key=lambda one: one[0])))


def _described(block: Block, prefix: str) -> bool:
    return any(line.strip().startswith(f"description {prefix}") for line in block.lines)


def occupied(found: Iterable[Block], prefix: str, number: int) -> str:
    """Somebody else's interface that has our number, empty if there is none."""
    ours = {f"interface {kind}{number}" for kind in ("Tunnel", "Virtual-Template", "Loopback")}
    taken = (one.header.removesuffix(" type tunnel") for one in found if not _described(one, prefix))
    return next((one.removeprefix("interface ") for one in taken if one in ours), "")


def remembered(settings: Sequence[str], found: Sequence[Block], prefix: str) -> Block:
    """The access list whose remarks say how settings are put back that are about to be made."""
    remarks = (f"remark {line}" for line in _restoring(settings, {block.header for block in found}))
    return Block(f"ip access-list extended {prefix}{_BEFORE}", tuple(dict.fromkeys(remarks)))


def _restoring(settings: Sequence[str], running: set[str]) -> Iterator[str]:
    for line in settings:
        if line in running:
            continue
        if line.startswith("no ") and line.endswith(" default"):
            yield line.replace("no ", "default ", 1).removesuffix(" default")
            continue
        key = stem(line)
        before = sorted(one for one in running if stem(one) == key)
        yield from before or ([] if line.startswith("no ") else [f"no {key}"])


def stem(line: str) -> str:
    """A setting without its value: ``crypto ikev2 fragmentation mtu 576`` is about ``crypto ikev2 fragmentation``."""
    words = itertools.takewhile(lambda word: not word[0].isdigit(), line.removeprefix("no ").split())
    return " ".join(word for word in words if word not in ("mtu", "max-redirects"))


def restoration(found: Iterable[Block], prefix: str) -> list[str]:
    """The lines that put settings back, and the removal of the note about them."""
    header = f"ip access-list extended {prefix}{_BEFORE}"
    for block in found:
        if block.header == header:
            notes = [re.sub(r"^\s*(\d+\s+)?remark ", "", line) for line in block.lines]
            return [*notes, f"no {header}"]
    return []


def smart_defaults(found: Iterable[Block]) -> list[str]:
    """The lines that switch the defaults of IKEv2 off; one that somebody has changed stays, ``no`` would forget how."""
    headers = {block.header for block in found}
    changed = [kind for kind in _SMART_DEFAULTS if any(re.match(f"crypto {kind} default", one) for one in headers)]
    return [f"no crypto {kind} default" for kind in _SMART_DEFAULTS if kind not in changed]
