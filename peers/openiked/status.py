"""Reading what ``ikectl show sa`` and ``ip -s xfrm state`` print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.ike.core.connection import Mode
from peers.contract import ChildStatus, SaState, SaStatus

_IKE = re.compile(
    r"^iked_sas: \S+ rspi 0x(?P<rspi>[0-9a-f]+) ispi 0x(?P<ispi>[0-9a-f]+) "
    r"(?P<local>\S+)->(?P<peer>[^<]+)<(?P<id>[^>]*)>\[[^\]]*\] (?P<state>\S+) "
)
_CHILD = re.compile(
    r"^  sa_childsas: (?P<own>\S+) (?P<protocol>\S+) 0x(?P<spi>[0-9a-f]+) (?P<way>in|out) "
    r"(?P<source>\S+) -> (?P<destination>\S+) \((?P<flags>\w*)\) B=\S+ P=(?P<other>\S+) "
)
_FLOW = re.compile(
    r"^  sa_flows: \S+ \S+ (?P<way>in|out) (?P<source>\S+) -> (?P<destination>\S+) (?:\[\S+\] )?\[(?P<protocol>\d+)\]"
)
_STATES = {
    "SA_INIT": SaState.CONNECTING,
    "EAP": SaState.CONNECTING,
    "EAP_VALID": SaState.CONNECTING,
    "AUTH_REQUEST": SaState.CONNECTING,
    "AUTH_SUCCESS": SaState.CONNECTING,
    "VALID": SaState.CONNECTING,
    "COOKIE": SaState.CONNECTING,
    "INIT": SaState.CONNECTING,
    "ESTABLISHED": SaState.ESTABLISHED,
    "CLOSING": SaState.DELETING,
    "DELETE": SaState.DELETING,
}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
_KERNEL = re.compile(
    r"^src \S+ dst \S+\s+proto (?:esp|ah) spi 0x(?P<spi>[0-9a-f]{8})\(\d+\) .*?mode (?P<mode>\w+)"
    r".*?lifetime current:\s+(?P<bytes>\d+)\(bytes\)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class KernelState:
    """One SA of the kernel: how it carries packets and how many octets it has carried."""

    mode: Mode
    octets: int


def kernel_states(listed: str) -> dict[bytes, KernelState]:
    """The SAs in the output of ``ip -s xfrm state``, by their SPIs."""
    return {
        bytes.fromhex(one["spi"]): KernelState(
            Mode.TRANSPORT if one["mode"] == "transport" else Mode.TUNNEL, int(one["bytes"])
        )
        for part in re.split(r"\n(?=src )", listed)
        if (one := _KERNEL.match(part))
    }


def peer_names(listed: str) -> list[str]:
    """The identities of all peers, as ``ikectl reset id`` wants them."""
    return list(dict.fromkeys(one["id"] for line in listed.splitlines() if (one := _IKE.match(line))))


def sa_statuses(listed: str, kernel: str, name: str) -> list[SaStatus]:
    """The IKE SAs with their Child SAs; ``name`` is that of the only Child SA that the connection has.

    ``listed`` is what ``ikectl show sa`` prints, ``kernel`` what ``ip -s xfrm state`` does. A Child SA that is not in
    the kernel is none. iked lists the flows of all Child SAs of an IKE SA together.
    """
    states = kernel_states(kernel)
    return [
        SaStatus(
            _spi(head["ispi"], 8),
            _spi(head["rspi"], 8),
            _STATES.get(head["state"], SaState.UNKNOWN),
            tuple(_children(lines, states, name)),
        )
        for head, lines in _parts(listed)
        if head["state"] != "CLOSED"
    ]


def _parts(listed: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    """Each IKE SA with the lines below it."""
    found: list[tuple[re.Match[str], list[str]]] = []
    for line in listed.splitlines():
        if head := _IKE.match(line):
            found.append((head, []))
        elif found and line.startswith("  "):
            found[-1][1].append(line)
    return iter(found)


def _children(lines: list[str], states: dict[bytes, KernelState], name: str) -> Iterator[ChildStatus]:
    listed = [one for line in lines if (one := _CHILD.match(line))]
    outward = {one["own"]: one for one in listed if one["way"] == "out"}
    found = [one for line in lines if (one := _FLOW.match(line))]
    # What is forwarded inwards is called "out", too: it has the ends of a flow that comes in.
    inwards = {(one["source"], one["destination"]) for one in found if one["way"] == "in"}
    flows = [one for one in found if one["way"] == "out" and (one["source"], one["destination"]) not in inwards]
    for one in listed:
        other = outward.get(one["other"])
        if one["way"] != "in" or other is None or "L" not in one["flags"]:
            continue
        spi_in, spi_out = _spi(one["spi"], 4), _spi(other["spi"], 4)
        inward, back = states.get(spi_in), states.get(spi_out)
        yield ChildStatus(
            name=name,
            spi_in=spi_in,
            spi_out=spi_out,
            local_ts=tuple(dict.fromkeys(_selector(flow["source"], flow) for flow in flows)),
            remote_ts=tuple(dict.fromkeys(_selector(flow["destination"], flow) for flow in flows)),
            mode=inward.mode if inward else Mode.TUNNEL,
            state=SaState.REKEYED if "R" in one["flags"] else SaState.ESTABLISHED,
            bytes_in=inward.octets if inward else None,
            bytes_out=back.octets if back else None,
        )


def _spi(text: str, size: int) -> bytes:
    return int(text, 16).to_bytes(size, "big")


def _selector(network: str, flow: re.Match[str]) -> str:
    number = int(flow["protocol"])
    address, _, rest = network.partition(":") if network.count(":") == 1 else (network, "", "")
    port, _, mask = rest.partition("/") if rest else ("", "", "")
    text = f"{address}/{mask}" if port else network
    if not number:
        return text
    return f"{text}[{_PROTOCOLS.get(number, number)}{f'/{port}' if port and port != '0' else ''}]"
