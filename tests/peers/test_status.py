import pytest

from conformance.ike.core.connection import Mode
from peers.contract import SaState
from peers.strongswan.status import sa_status, selector


def test_an_ike_sa_with_a_child() -> None:
    status = sa_status(
        {
            "state": b"ESTABLISHED",
            "initiator-spi": b"00000000000000a1",
            "responder-spi": b"b000000000000002",
            "child-sas": {
                "net-7": {
                    "name": b"net",
                    "state": b"INSTALLED",
                    "mode": b"TRANSPORT",
                    "spi-in": b"0000c001",
                    "spi-out": b"ffffffff",
                    "bytes-in": b"84",
                    "local-ts": [b"10.2.0.0/24[tcp/http]"],
                    "remote-ts": [b"10.1.0.1..10.1.0.9"],
                },
                "net-8": {"name": b"net", "state": b"REKEYED", "mode": b"TUNNEL"},
                "net-9": {"name": b"net", "state": b"DELETED", "mode": b"TUNNEL"},
            },
        }
    )
    assert status.spi_i == bytes(7) + b"\xa1"
    assert status.spi_r == b"\xb0" + bytes(6) + b"\x02"
    assert status.state is SaState.ESTABLISHED
    first, second = status.children
    assert first.spi_in == b"\x00\x00\xc0\x01"
    assert first.spi_out == b"\xff" * 4
    assert first.mode is Mode.TRANSPORT
    assert (first.bytes_in, first.bytes_out) == (84, None)
    assert first.local_ts == ("10.2.0.0/24[tcp/80]",)
    assert first.remote_ts == ("10.1.0.1-10.1.0.9",)
    assert second.state is SaState.REKEYED
    assert second.spi_in == bytes(4)


def test_a_half_open_sa_and_a_state_nobody_knows() -> None:
    status = sa_status({"state": b"DREAMING", "initiator-spi": b"01"})
    assert status.state is SaState.UNKNOWN
    assert status.spi_r == bytes(8)
    assert status.children == ()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("10.2.0.0/24", "10.2.0.0/24"),
        ("10.2.0.0/24[udp]", "10.2.0.0/24[udp]"),
        ("fd02::/64[tcp/https]", "fd02::/64[tcp/443]"),
        ("10.2.0.0/24[udp/1000-2000]", "10.2.0.0/24[udp/1000-2000]"),
        ("10.2.0.0/24[tcp/no-such-service]", "10.2.0.0/24[tcp/no-such-service]"),
    ],
)
def test_selectors(theirs: str, ours: str) -> None:
    assert selector(theirs) == ours
