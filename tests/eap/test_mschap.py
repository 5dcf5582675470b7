"""The computations of MS-CHAP-V2 against RFC 1320, 2759 section 9.2 and 3079 section 3.5."""

import pytest

from conformance.eap import mschap
from conformance.eap.md4 import md4

USER, PASSWORD = b"User", "clientPass"
AUTH = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
        ("abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        ("1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4(text: str, digest: str) -> None:
    assert md4(text.encode()).hex() == digest


def test_hashes() -> None:
    assert mschap.challenge_hash(PEER, AUTH, USER).hex().upper() == "D02E4386BCE91226"
    assert mschap.nt_password_hash(PASSWORD).hex().upper() == "44EBBA8D5312B8D611474411F56989AE"
    assert md4(mschap.nt_password_hash(PASSWORD)).hex().upper() == "41C00C584BD2D91C4017A2A12FA59F3F"


def test_responses() -> None:
    assert mschap.nt_response(AUTH, PEER, USER, PASSWORD) == RESPONSE
    assert mschap.nt_response(AUTH, PEER, b"DOMAIN\\User", PASSWORD) == RESPONSE
    proof = mschap.authenticator_response(PASSWORD, RESPONSE, PEER, AUTH, USER)
    assert proof == b"S=407A5589115FD0D6209F510FE9C04566932CDA56"


def test_keys() -> None:
    master = mschap.master_key(PASSWORD, RESPONSE)
    assert master.hex().upper() == "FDECE3717A8C838CB388E527AE3CDD31"
    assert mschap.start_key(master, client_sends=False).hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    key = mschap.msk(PASSWORD, RESPONSE)
    assert len(key) == 64
    assert key[16:32] == mschap.start_key(master, client_sends=False)
    assert key[32:] == bytes(32)


def test_a_changed_password_comes_back() -> None:
    block = mschap.encrypt_new_password("nouveau mot", "altes Wort", bytes(range(256)) * 2)
    assert len(block) == 516
    assert mschap.decrypt_new_password(block, "altes Wort") == "nouveau mot"
    assert mschap.decrypt_new_password(block, "other") is None
    assert len(mschap.old_hash_encrypted("a", "b")) == 16
