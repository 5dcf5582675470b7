"""Reading pluto's list of states, and from its log what the list leaves out: SPIs and selectors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, summarize_address_range

from conformance.ike.core.connection import Mode
from peers.contract import ChildStatus, SaState, SaStatus

_STATE = re.compile(
    r'^(?:000 )?#(?P<number>\d+): "(?P<name>[^"]+)"\S*(?: \S+)? '
    r"(?:STATE_V2_)?(?P<state>[A-Z]\w+) \(.*?\);(?P<rest>.*)$",
    re.MULTILINE,
)
_PARENT = re.compile(r"IKE SA #(\d+);")
# The SPI stands behind a dot, but behind a colon where the addresses are IPv6.
_DETAILS = re.compile(
    r'^(?:000 )?#(?P<number>\d+): "[^"]+"\S*(?: \S+)*? '
    r"(?:esp|ah)[.:](?P<out>[0-9a-f]+)@\S+ (?:esp|ah)[.:](?P<in>[0-9a-f]+)@",
    re.MULTILINE,
)
_TRAFFIC = re.compile(r"^(?:006 )?#(?P<number>\d+): .*?inBytes=(?P<in>\d+)(?:, outBytes=(?P<out>\d+))?", re.MULTILINE)
# 'entry state hash_table_entries.ike_spis@0x... "net" #1: 0c bd ...  4b b3 ... added to hash table bucket 0x...'
_SPIS = re.compile(r"\.ike_spis@\S+ .*?#(?P<number>\d+): (?P<spis>(?:[0-9a-f]{2}\s+){16})added ")
# From 5 on the log says instead what the header of a message holds, and then which state the message is of; an SA that
# comes from a rekey is made of the SPIs in the proposals.
_TALK = re.compile(
    r"\| +(?:initiator SPI: (?P<initiator>(?:[0-9a-f]{2}\s+){8})"
    r"|responder SPI: (?P<responder>(?:[0-9a-f]{2}\s+){8})"
    r"|State DB: found IKEv2 state #(?P<found>\d+) "
    r"|sending \d+ bytes for (?:initiating|Respond to) IKE_SA_INIT .*\(for #(?P<sent>\d+)\)"
    r"|our spi: (?P<ours>[0-9a-f]{2}(?:\s+[0-9a-f]{2}){7})$"
    r"|sending \d+ bytes for (?P<asked>initiate rekey IKE_SA) "
    r"|.*IKE proposal.* SPI=(?P<theirs>[0-9a-f]{16})$"
    r"|parent state #(?P<made>\d+): REKEY_IKE_(?P<role>[IR])\d\(.*=> ESTABLISHED_IKE_SA)",
    re.MULTILINE,
)
_SELECTORS = re.compile(
    r"#(?P<number>\d+): \w+ \w+ Child SA.*?; IPsec (?P<mode>tunnel|transport) "
    r"\[(?P<local>.+?)(?:\] -> \[|===)(?P<remote>.+?)\] \{"
)
_SELECTOR = re.compile(r"(?P<first>\S+)-(?P<last>\S+):(?P<low>\d+)-(?P<high>\d+) (?P<protocol>\d+)")
_SHORT_SELECTOR = re.compile(r"(?P<net>[\da-f.:]+/\d+)(?:/(?P<protocol>[\w-]+)(?:/(?P<port>\d+))?)?")
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}


@dataclass(frozen=True, slots=True)
class State:
    """One line of ``whack --showstates``: ``parent`` is the number of the IKE SA of a Child SA, None for an IKE SA."""

    number: int
    connection: str
    kind: str
    parent: int | None

    @property
    def state(self) -> SaState:
        """How far it is."""
        if self.kind.startswith("ESTABLISHED"):
            return SaState.ESTABLISHED
        return SaState.DELETING if self.kind.endswith("DELETE") else SaState.CONNECTING

    @property
    def established_child(self) -> bool:
        """Whether it is a Child SA that is up."""
        return self.kind == "ESTABLISHED_CHILD_SA"

    @property
    def established_ike(self) -> bool:
        """Whether it is an IKE SA that is up."""
        return self.kind == "ESTABLISHED_IKE_SA"


def states(listed: str) -> list[State]:
    """The states in the output of ``whack --showstates``, oldest first."""
    found = []
    for match in _STATE.finditer(listed):
        parent = _PARENT.search(match["rest"])
        found.append(State(int(match["number"]), match["name"], match["state"], int(parent[1]) if parent else None))
    return sorted(found, key=lambda one: one.number)


def sa_statuses(said: str, log: str, names: Mapping[str, str]) -> list[SaStatus]:
    """The IKE SAs with their Child SAs.

    ``said`` is what ``--showstates --trafficstatus`` prints, ``log`` is the debug log since the first SA was made,
    ``names`` are the Child SAs by section of ipsec.conf.
    """
    spis = {int(one["number"]): bytes.fromhex(one["spis"]) for one in _SPIS.finditer(log)} or _spis_of_messages(log)
    children: dict[int, list[ChildStatus]] = {}
    found = states(said)
    details = {int(one["number"]): one for one in _DETAILS.finditer(said)}
    counters = {int(one["number"]): one for one in _TRAFFIC.finditer(said)}
    selectors = {int(one["number"]): one for one in _SELECTORS.finditer(log)}
    for one in found:
        if one.parent is not None and one.number in details:
            made = _child(one, names, details[one.number], counters.get(one.number), selectors.get(one.number))
            children.setdefault(one.parent, []).append(made)
    return [
        SaStatus(_spi(spis, one, 0), _spi(spis, one, 8), one.state, tuple(children.get(one.number, ())))
        for one in found
        if one.parent is None and "CHILD" not in one.kind
    ]


def _spis_of_messages(log: str) -> dict[int, bytes]:
    """Both SPIs of each IKE SA by its number."""
    spis: dict[int, bytes] = {}
    initiator = responder = ours = theirs = asked = bytes(8)
    for one in _TALK.finditer(log):
        if one["initiator"]:
            initiator = bytes.fromhex(one["initiator"])
        elif one["responder"]:
            responder = bytes.fromhex(one["responder"])
        elif one["found"] or one["sent"]:
            spis[int(one["found"] or one["sent"])] = initiator + responder
        elif one["ours"]:
            ours = bytes.fromhex(one["ours"])
        elif one["asked"]:
            asked = ours
        elif one["theirs"]:
            theirs = bytes.fromhex(one["theirs"])
        else:
            spis[int(one["made"])] = asked + theirs if one["role"] == "I" else theirs + ours
    return spis


def _spi(spis: Mapping[int, bytes], state: State, at: int) -> bytes:
    return spis.get(state.number, bytes(16))[at : at + 8]


def _child(
    state: State,
    names: Mapping[str, str],
    details: re.Match[str],
    counters: re.Match[str] | None,
    selectors: re.Match[str] | None,
) -> ChildStatus:
    # Both counters are there only where the kernel has the states.
    counted = counters is not None and counters["out"] is not None
    return ChildStatus(
        name=names.get(state.connection, state.connection),
        spi_in=int(details["in"], 16).to_bytes(4, "big"),
        spi_out=int(details["out"], 16).to_bytes(4, "big"),
        local_ts=(selector(selectors["local"]),) if selectors else (),
        remote_ts=(selector(selectors["remote"]),) if selectors else (),
        mode=Mode.TRANSPORT if selectors is not None and selectors["mode"] == "transport" else Mode.TUNNEL,
        state=state.state,
        bytes_in=int(counters["in"]) if counters is not None and counted else None,
        bytes_out=int(counters["out"]) if counters is not None and counted else None,
    )


def selector(value: str) -> str:
    """A traffic selector as `ChildConfig` writes it.

    4 writes ``10.2.0.0-10.2.0.255:80-80 6``, 5 ``10.2.0.0/24/TCP/80``.
    """
    if (short := _SHORT_SELECTOR.fullmatch(value)) is not None:
        port = "" if short["port"] in (None, "0") else f"/{short['port']}"
        return short["net"] + (f"[{short['protocol'].lower()}{port}]" if short["protocol"] else "")
    match = _SELECTOR.fullmatch(value)
    if match is None:
        return value
    first, last = ip_address(match["first"].strip("[]")), ip_address(match["last"].strip("[]"))
    networks = [str(one) for one in summarize_address_range(first, last)]
    text = networks[0] if len(networks) == 1 else f"{first}-{last}"
    number, low, high = int(match["protocol"]), int(match["low"]), int(match["high"])
    if not number:
        return text
    port = "" if (low, high) == (0, 65535) else f"/{low}" if low == high else f"/{low}-{high}"
    return f"{text}[{_PROTOCOLS.get(number, number)}{port}]"
