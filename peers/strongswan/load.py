"""Load on the daemon: one IKE SA that somebody began and never finishes."""

import os

from conformance.crypto.ke import key_exchange
from conformance.crypto.suite import proposal
from conformance.ike.core.connection import Connection
from conformance.net import Address, Datagram
from conformance.wire import (
    FLAG_INITIATOR,
    KE,
    SA,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    TransformType,
    decode_header,
    encode_message,
)
from peers.contract import DeviceError
from peers.places.place import Place

_SOURCE_PORT = 10500
_TRIES = 4


def open_half(device: str, place: Place, connection: Connection) -> bytes:
    """Begin an IKE SA from a port that no purpose uses and leave it half open; returns its initiator SPI.

    charon compares its cookie threshold with the half-open SAs that exist before a request, so with a threshold of one
    and this one standing it asks everybody. Raises DeviceError if the daemon does not answer.
    """
    pixit = place.pixit
    offer = proposal(connection.proposals[0])
    group = next(KeMethod(one.id) for one in offer.transforms if one.type == TransformType.KE)
    exchange = key_exchange(group, os.urandom)
    spi = os.urandom(8)
    payloads = (SA((offer,)), KE(group, exchange.public), Nonce(os.urandom(32)))
    request = encode_message(Message(spi, bytes(8), ExchangeType.IKE_SA_INIT, FLAG_INITIATOR, 0, payloads))
    ours, theirs = pixit.tester_address, pixit.device_address
    if ":" in (connection.remote_address or "") and pixit.tester_address6 and pixit.device_address6:
        ours, theirs = pixit.tester_address6, pixit.device_address6  # not the connection's, which may be that of a NAT
    here, there = Address(ours, _SOURCE_PORT), Address(theirs, pixit.device_ports[0])
    link = place.open_link(ports=(_SOURCE_PORT,))
    try:
        for _ in range(_TRIES):
            link.send(Datagram(here, there, request))
            answer = link.receive(link.now() + 0.5)
            if answer is not None and decode_header(answer.payload).spi_r != bytes(8):
                return spi
    finally:
        link.close()
    raise DeviceError(device, "does not answer the request that should put it under load", "see its log")
