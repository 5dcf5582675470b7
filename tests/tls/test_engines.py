"""Both TLS engines against each other and themselves: keys, data, certificates that are refused, hostile octets."""

from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.tls import STRAIGHT, TlsBend, TlsVersion, Trust, split_records, start
from tests.tls.pair import EXPIRED, client, leaf, pair, pairs, root, server

each_pair = pytest.mark.parametrize(("one", "other", "version"), list(pairs()))
each_version = pytest.mark.parametrize("version", list(TlsVersion))
each_engine = pytest.mark.parametrize("engine", ["openssl", "lite"])


@each_pair
def test_both_sides_have_the_same_keys_and_data(one: str, other: str, version: TlsVersion) -> None:
    ours, theirs = pair(client(engine=one, versions=(version,)), server(engine=other))
    assert ours.done
    assert theirs.done
    assert ours.error is theirs.error is None
    assert ours.version == theirs.version == version
    assert ours.peer_chain == leaf("server").chain
    assert theirs.peer_chain == leaf("client").chain
    for label, context in ((b"client EAP encryption", None), (b"EXPORTER_EAP_TLS_Key_Material", b"\x0d"), (b"x", b"")):
        assert ours.export(label, context, 128) == theirs.export(label, context, 128)
    assert ours.export(b"x", None, 40) != ours.export(b"y", None, 40)
    assert (ours.export(b"x", None, 40) == ours.export(b"x", b"", 40)) == (version == TlsVersion.TLS_1_3)
    for sender, receiver in ((ours, theirs), (theirs, ours)):
        receiver.step(sender.send(b"one") + sender.send(b"two"))
        assert receiver.received() == b"onetwo"
        assert receiver.received() == b""


@each_engine
def test_records_may_come_in_any_pieces(engine: str) -> None:
    ours, theirs = start(client(engine=engine)), start(server(engine=engine))
    flight, one, other = ours.step(), ours, theirs
    while flight:
        flight = b"".join(other.step(bytes((octet,))) for octet in flight)
        one, other = other, one
    assert ours.done
    assert theirs.done
    secret = ours.send(b"tell")
    for octet in secret:
        theirs.step(bytes((octet,)))
    assert theirs.received() == b"tell"


def test_a_chain_with_an_intermediate_is_taken() -> None:
    below = root().issue("server", sans=("server.example",))
    between = type(root()).create("between", issuer=root())
    below = between.issue("server", sans=("server.example",))
    for one, other, version in pairs():
        ours, theirs = pair(client(engine=one, versions=(version,)), server(engine=other, leaf=below))
        assert (ours.error, theirs.error) == (None, None)
        assert ours.peer_chain == below.chain


REFUSED = {
    "untrusted": leaf("server", "another root"),
    "expired": leaf("server", not_after=EXPIRED),
    "other name": leaf("elsewhere"),
    "for clients": leaf("server", extended_key_usage=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
}


@each_pair
@pytest.mark.parametrize("shown", REFUSED.values(), ids=REFUSED)
def test_a_client_refuses_a_server(one: str, other: str, version: TlsVersion, shown: Any) -> None:
    ours, theirs = pair(client(engine=one, versions=(version,)), server(engine=other, leaf=shown))
    assert ours.error is not None
    assert not ours.error.remote
    assert theirs.error is not None
    assert theirs.error.remote
    assert not theirs.done
    assert ours.error.alert == theirs.error.alert


STRANGERS = {
    "none": None,
    "untrusted": leaf("client", "another root"),
    "expired": leaf("client", not_after=EXPIRED),
}


@each_pair
@pytest.mark.parametrize("shown", STRANGERS.values(), ids=STRANGERS)
def test_a_server_refuses_a_client(one: str, other: str, version: TlsVersion, shown: Any) -> None:
    ours, theirs = pair(client(engine=one, versions=(version,), leaf=shown), server(engine=other))
    assert theirs.error is not None
    assert not theirs.error.remote
    assert not theirs.done
    assert ours.error is not None
    assert ours.error.remote
    assert ours.error.alert == theirs.error.alert


@each_pair
def test_a_server_may_do_without_a_certificate(one: str, other: str, version: TlsVersion) -> None:
    for trust in (None, Trust((root().certificate,), required=False)):
        ours, theirs = pair(client(engine=one, versions=(version,), leaf=None), server(engine=other, trust=trust))
        assert (ours.error, theirs.error) == (None, None)
        assert theirs.peer_chain == ()
        assert ours.export(b"x", b"y", 64) == theirs.export(b"x", b"y", 64)


@each_engine
def test_no_common_version(engine: str) -> None:
    ours, theirs = pair(
        client(engine=engine, versions=(TlsVersion.TLS_1_2,)), server(engine=engine, versions=(TlsVersion.TLS_1_3,))
    )
    assert theirs.error is not None
    assert ours.error is not None
    assert ours.error.alert == theirs.error.alert == 70


@each_engine
def test_a_handshake_without_end_is_given_up(engine: str) -> None:
    engine_ = start(server(engine=engine, most_octets=1000))
    engine_.step(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xf0")
    for _ in range(10):
        engine_.step(bytes(100))
    assert str(engine_.error) == "the handshake is not over after 1000 octets"


@each_pair
def test_a_closed_connection_is_no_silence(one: str, other: str, version: TlsVersion) -> None:
    ours, theirs = pair(client(engine=one), server(engine=other, versions=(version,)))
    ours.step(theirs.close())
    assert str(ours.error) == "the other side has closed TLS"


@each_engine
@settings(max_examples=60)
@given(data=st.binary(max_size=200), record=st.booleans())
def test_hostile_octets_end_in_an_error_or_in_waiting(engine: str, data: bytes, record: bool) -> None:
    for config in (client(engine=engine), server(engine=engine)):
        hostile = start(config)
        hostile.step()
        hostile.step(b"\x16\x03\x03" + len(data).to_bytes(2, "big") + data if record else data)
        hostile.step(data)
        assert not hostile.done


@each_version
@settings(max_examples=25)
@given(at=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_spoiled_octet_of_the_server_is_never_taken(version: TlsVersion, at: float, flip: int) -> None:
    ours, theirs = start(client(versions=(version,))), start(server())
    flight = bytearray(theirs.step(ours.step()))
    place = int(at * len(flight))
    flight[place] ^= flip
    ours.step(ours_back := ours.step(bytes(flight)))
    theirs.step(ours_back)
    assert not (ours.done and theirs.done) or ours.export(b"x", None, 8) == theirs.export(b"x", None, 8)


def test_records_are_bent_and_messages_only_by_the_slow_engine() -> None:
    seen = []

    def noted(message: bytes) -> bytes:
        seen.append(message[0])
        return message

    ours, theirs = pair(client(bend=TlsBend("watched", message=noted), versions=(TlsVersion.TLS_1_3,)), server())
    assert ours.done
    assert theirs.done
    assert seen == [1, 11, 15, 20]
    with pytest.raises(ValueError, match="cannot be bent"):
        start(client(engine="openssl", bend=TlsBend(message=noted)))
    with pytest.raises(ValueError, match="no TLS engine 'gnutls', expected openssl or lite"):
        start(client(engine="gnutls"))
    ours, theirs = pair(client(bend=TlsBend("the last record is left out", records=lambda found: found[:-1])), server())
    assert not theirs.done
    assert STRAIGHT.flight(b"\x16\x03\x01") == b"\x16\x03\x01"


@each_version
def test_a_bent_message_reaches_the_transcript_of_both(version: TlsVersion) -> None:
    def extended(message: bytes) -> bytes:
        """An extension that nobody knows, at the end of the ClientHello."""
        if message[0] != 1:
            return message
        body = bytearray(message[4:])
        at = 34 + 1 + body[34]
        at += 2 + int.from_bytes(body[at : at + 2], "big")
        at += 1 + body[at]
        size = int.from_bytes(body[at : at + 2], "big") + 4
        body[at : at + 2] = size.to_bytes(2, "big")
        body += b"\x7f\x7f\0\0"
        return message[:1] + len(body).to_bytes(3, "big") + bytes(body)

    ours, theirs = pair(client(bend=TlsBend("unknown extension", message=extended), versions=(version,)), server())
    assert (ours.error, theirs.error) == (None, None)
    assert ours.export(b"x", None, 8) == theirs.export(b"x", None, 8)


@each_engine
@each_version
def test_a_certificate_that_cannot_be_read_is_no_traceback(engine: str, version: TlsVersion) -> None:
    """OpenSSL takes dates that others do not."""
    bend = TlsBend("a date that is none", message=lambda octets: octets.replace(b"491231000000Z", b"4912310000\x010Z"))
    ours, theirs = pair(client(engine=engine, versions=(version,)), server(bend=bend))
    assert "no certificate that can be read" in str(ours.error)
    assert not theirs.done
    ours, theirs = pair(client(engine=engine, versions=(version,), trust=None), server(bend=bend))
    assert ours.done
    assert ours.peer_chain == ()


def test_records_are_told_apart() -> None:
    one, two = b"\x16\x03\x03\0\x02ab", b"\x17\x03\x03\0\0"
    assert split_records(one + two) == [one, two]
    assert split_records(one + two[:3]) == [one, two[:3]]
    assert split_records(one[:-1]) == [one[:-1]]
    assert split_records(b"") == []
