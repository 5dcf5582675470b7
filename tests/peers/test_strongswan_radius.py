"""charon as a gateway whose AAA server is ours: purposes that it must pass, if the settings of its adapter hold."""

import pytest

from peers.capabilities import Capability
from peers.contract import Device
from suites.conduct import all_purposes, conduct

pytestmark = pytest.mark.peer


@pytest.mark.parametrize(
    "identifier",
    [
        "aaa-tls", "aaa-reject", "aaa-key-none", "aaa-false-accept-proof", "aaa-address", "aaa-dns", "aaa-failover",
        "aaa-acct-class", "aaa-acct-two", "aaa-disconnect", "aaa-disconnect-unknown-user",
        "aaa-disconnect-authenticator", "aaa-address6", "aaa-netmask", "aaa-nbns", "aaa-peap", "aaa-disconnect-return",
    ],
)  # fmt: skip
def test_purposes_with_an_aaa_server(charon: Device, identifier: str) -> None:
    assert Capability.AAA in charon.capabilities
    verdict, peer = conduct(all_purposes()[identifier], charon)
    assert verdict.verdict == "pass", f"{verdict.reason}\n{peer.trace.transcript() if peer else ''}"
