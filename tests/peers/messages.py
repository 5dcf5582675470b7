"""First messages as a tester sends them."""

import os

from conformance.crypto.ke import key_exchange
from conformance.crypto.suite import proposal
from conformance.net import Address, Datagram, Link
from conformance.wire import (
    FLAG_INITIATOR,
    KE,
    SA,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    TransformType,
    decode_message,
    encode_message,
)
from peers.contract import Device


def ask(device: Device, link: Link, words: str, cookie: Notify | None = None, *, ipv6: bool = False) -> Message | None:
    """Send an IKE_SA_INIT request with a new SPI and return the answer to it, None if there is none for 2 s."""
    offer = proposal(words)
    group = next(KeMethod(one.id) for one in offer.transforms if one.type == TransformType.KE)
    payloads = (SA((offer,)), KE(group, key_exchange(group, os.urandom).public), Nonce(os.urandom(32)))
    spi = os.urandom(8)
    pixit = device.pixit
    ours, theirs = (pixit.tester_address, pixit.device_address)
    if ipv6:
        assert pixit.tester_address6 is not None
        assert pixit.device_address6 is not None
        ours, theirs = pixit.tester_address6, pixit.device_address6
    first = (cookie,) if cookie else ()
    request = Message(spi, bytes(8), ExchangeType.IKE_SA_INIT, FLAG_INITIATOR, 0, (*first, *payloads))
    link.send(Datagram(Address(ours, 500), Address(theirs, 500), encode_message(request)))
    end = link.now() + 2.0
    while (arrived := link.receive(end)) is not None:
        answer = decode_message(arrived.payload)
        if answer.spi_i == spi:
            return answer
    return None
