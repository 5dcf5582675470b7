"""Single values in the words of IOS XE: identities, shared keys, and selectors as entries of an access list."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from conformance.ike.core.connection import ChildConfig, Identity
from conformance.ike.core.selectors import selector
from conformance.wire import IdType, TrafficSelector
from peers.capabilities import Capability
from peers.contract import Unsupported
from peers.iosxe.algorithms import unsupported

_ANY_PORTS = (0, 65535)
_PROTOCOLS = {0: "ip", 1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ahp"}


_IDENTITIES = {
    IdType.IPV4_ADDR: "address",
    IdType.IPV6_ADDR: "address",
    IdType.FQDN: "fqdn",
    IdType.RFC822_ADDR: "email",
    IdType.KEY_ID: "key-id",
}


def identity(value: Identity) -> str:
    """An identity with the word for its type. Raises Unsupported where none of the words will do."""
    word = _IDENTITIES.get(value.id_type)
    if word is None:
        raise unsupported(f"it has no word for an identity of the type {value.id_type!s}")
    if word != "address" and not _plain(value.data):
        raise unsupported(f"no line of a configuration can hold the identity {value}")
    return f"{word} {value}"


def matched(value: Identity) -> str:
    """An identity as a profile matches it: an address with its mask."""
    mask = {IdType.IPV4_ADDR: " 255.255.255.255", IdType.IPV6_ADDR: "/128"}
    return identity(value) + mask.get(value.id_type, "")


def domain(text: str) -> str:
    """A domain as it stands in a match. Raises Unsupported."""
    if not _plain(text.encode()):
        raise unsupported(f"no line of a configuration can hold the domain {text}")
    return f"fqdn domain {text}"


def shared_key(secret: bytes) -> str:
    """A shared key as a word, or in hexadecimal where it is none, or is one that means something itself."""
    if _plain(secret) and secret not in (b"0", b"6", b"hex", b"local", b"remote"):
        return secret.decode()
    return f"hex {secret.hex()}"


def _plain(data: bytes) -> bool:
    """Whether octets are one word on a line; a question mark calls for help instead."""
    return bool(data) and all(0x21 <= one <= 0x7E and one != 0x3F for one in data)


def access(child: ChildConfig) -> Iterator[str]:
    """The entries of an access list for the selectors of a Child SA."""
    for local in child.local_ts:
        for remote in child.remote_ts:
            ours, theirs = selector(local), selector(remote)
            if ours.protocol != theirs.protocol:
                raise unsupported(f"one protocol for both ends of a selector, not {local} and {remote}")
            protocol = _PROTOCOLS.get(ours.protocol, str(ours.protocol))
            yield f"permit {protocol} {_end(ours, local)} {_end(theirs, remote)}"


def _end(one: TrafficSelector, text: str) -> str:
    network = text.partition("[")[0]
    if "-" in network:
        raise unsupported(f"an access list has no ranges of addresses: {text}")
    prefix = IPv4Network(network) if ":" not in network else None
    if prefix is None:
        raise Unsupported(Capability.IPV6, "iosxe", "selectors in an access list are written for IPv4 only")
    where = "any" if prefix.prefixlen == 0 else f"{prefix.network_address} {prefix.hostmask}"
    if prefix.prefixlen == 32:
        where = f"host {prefix.network_address}"
    first, last = one.start_port, one.end_port
    if (first, last) == _ANY_PORTS:
        return where
    if one.protocol not in (6, 17):
        raise unsupported(f"ports of TCP and UDP only: {text}")
    return f"{where} eq {first}" if first == last else f"{where} range {first} {last}"
