"""Reading charon's list of SAs."""

import re
import socket
from collections.abc import Mapping
from typing import Any

from conformance.ike.core.connection import Mode
from peers.contract import ChildStatus, SaState, SaStatus

_STATES = {
    "CREATED": SaState.CONNECTING,
    "CONNECTING": SaState.CONNECTING,
    "ROUTED": SaState.CONNECTING,
    "INSTALLING": SaState.CONNECTING,
    "ESTABLISHED": SaState.ESTABLISHED,
    "INSTALLED": SaState.ESTABLISHED,
    "UPDATING": SaState.ESTABLISHED,
    "PASSIVE": SaState.ESTABLISHED,
    "REKEYING": SaState.REKEYING,
    "REKEYED": SaState.REKEYED,
    "DELETING": SaState.DELETING,
    "DESTROYING": SaState.DELETING,
}
_PORT = re.compile(r"\[(?P<protocol>[^/\]]+)(/(?P<port>[^\]]+))?\]")


def text(value: object) -> str:
    """A vici value as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def sa_status(entry: Mapping[str, Any]) -> SaStatus:
    """One IKE SA from the body of a ``list-sa`` event."""
    # A child that is DELETED is gone for both sides; charon keeps its inbound half a little for late packets.
    children = [child for child in entry.get("child-sas", {}).values() if text(child.get("state", "")) != "DELETED"]
    return SaStatus(
        spi_i=_spi(entry.get("initiator-spi"), 8),
        spi_r=_spi(entry.get("responder-spi"), 8),
        state=_STATES.get(text(entry.get("state", "")), SaState.UNKNOWN),
        children=tuple(_child_status(child) for child in children),
    )


def _child_status(entry: Mapping[str, Any]) -> ChildStatus:
    return ChildStatus(
        name=text(entry.get("name", "")),
        spi_in=_spi(entry.get("spi-in"), 4),
        spi_out=_spi(entry.get("spi-out"), 4),
        local_ts=tuple(selector(text(one)) for one in entry.get("local-ts", ())),
        remote_ts=tuple(selector(text(one)) for one in entry.get("remote-ts", ())),
        mode=Mode.TRANSPORT if text(entry.get("mode", "")) == "TRANSPORT" else Mode.TUNNEL,
        state=_STATES.get(text(entry.get("state", "")), SaState.UNKNOWN),
        bytes_in=_counter(entry.get("bytes-in")),
        bytes_out=_counter(entry.get("bytes-out")),
    )


def _spi(value: object, size: int) -> bytes:
    return int(text(value), 16).to_bytes(size, "big") if value is not None else bytes(size)


def _counter(value: object) -> int | None:
    return int(text(value)) if value is not None else None


def selector(value: str) -> str:
    """A traffic selector as `ChildConfig` writes it: charon separates a range by two dots and names services."""
    value = value.replace("..", "-")
    match = _PORT.search(value)
    if match is None or not match["port"]:
        return value
    protocol, port = match["protocol"], match["port"]
    return f"{value[: match.start()]}[{protocol}/{_port_number(port, protocol)}]"


def _port_number(port: str, protocol: str) -> str:
    if port.replace("-", "").isdigit():
        return port
    try:
        return str(socket.getservbyname(port, protocol))
    except OSError:
        return port
