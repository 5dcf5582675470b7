"""Reading the SAs that a router shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import StringIO
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import textfsm

from conformance.ike.core.connection import ChildConfig, Mode
from peers.contract import ChildStatus, SaState, SaStatus

COMMANDS = ("show crypto ikev2 sa detailed", "show crypto ikev2 session", "show crypto ipsec sa")
_STATES = {"READY": SaState.ESTABLISHED, "IN-NEG": SaState.CONNECTING, "DELETE": SaState.DELETING}
_WORDS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre"}
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the three commands print."""

    ike: str
    sessions: str
    ipsec: str


@cache
def _template(name: str) -> str:
    return (Path(__file__).with_name("templates") / f"{name}.textfsm").read_text()


def _rows(name: str, printed: str) -> list[_Row]:
    found: list[_Row] = textfsm.TextFSM(StringIO(_template(name))).ParseTextToDicts(printed)
    return found


def sa_statuses(shown: Shown, children: Sequence[ChildConfig], peers: Sequence[str]) -> list[SaStatus]:
    """The IKE SAs with these peers; ``children`` are the Child SAs that they may have."""
    owners = {row["SPI_IN"].lower(): row["TUNNEL"] for row in _rows("ikev2_session", shown.sessions)}
    pairs = list(_pairs(_rows("ipsec_sa", shown.ipsec)))
    rows = [row for row in _rows("ikev2_sa", shown.ike) if any(_same(row["REMOTE"], one) for one in peers)]
    return [
        SaStatus(
            *_spis(row),
            _STATES.get(row["STATUS"], SaState.UNKNOWN),
            tuple(
                _child(inbound, outbound, children)
                for inbound, outbound in pairs
                if owners.get(inbound["SPI"].lower()) == row["TUNNEL"]
            ),
        )
        for row in rows
    ]


def _same(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return False


def _spis(row: _Row) -> tuple[bytes, bytes]:
    """The SPIs of initiator and responder; an SA that is being opened has none of the responder yet."""
    local, remote = (bytes.fromhex(row[key]) if row[key] else bytes(8) for key in ("LOCAL_SPI", "REMOTE_SPI"))
    return (local, remote) if row["INITIATOR"] == "Yes" else (remote, local)


def _pairs(rows: list[_Row]) -> Iterator[tuple[_Row, _Row]]:
    """Inbound and outbound SAs in pairs: where a rekey is under way there are two pairs, in the same order."""
    flows = dict.fromkeys((row["LOCAL"], row["REMOTE"], row["PEER"], row["PROTOCOL"]) for row in rows)
    for flow in flows:
        ours = [row for row in rows if (row["LOCAL"], row["REMOTE"], row["PEER"], row["PROTOCOL"]) == flow]
        inbound = [row for row in ours if row["DIRECTION"] == "inbound"]
        outbound = [row for row in ours if row["DIRECTION"] == "outbound"]
        yield from zip(inbound, outbound, strict=False)


def _child(inbound: _Row, outbound: _Row, children: Sequence[ChildConfig]) -> ChildStatus:
    local, remote = _selector(inbound["LOCAL"]), _selector(inbound["REMOTE"])
    fitting = [one.name for one in children if local in one.local_ts and remote in one.remote_ts]
    return ChildStatus(
        name=next(iter(fitting or [one.name for one in children]), ""),
        spi_in=_spi(inbound["SPI"]),
        spi_out=_spi(outbound["SPI"]),
        local_ts=(local,),
        remote_ts=(remote,),
        mode=Mode.TRANSPORT if inbound["MODE"] == "Transport" else Mode.TUNNEL,
        state=SaState.ESTABLISHED if inbound["STATUS"] == "ACTIVE" else SaState.UNKNOWN,
    )


def _spi(text: str) -> bytes:
    return int(text, 16).to_bytes(4, "big")


def _selector(text: str) -> str:
    """``10.1.0.0/255.255.255.0/6/80`` as `ChildConfig` writes it."""
    address, mask, protocol, port = text.split("/")
    network = str(ip_network(f"{address}/{mask}", strict=False))
    if protocol == "0":
        return network
    word = _WORDS.get(int(protocol), protocol)
    return f"{network}[{word}/{port}]" if port != "0" else f"{network}[{word}]"
