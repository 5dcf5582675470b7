"""What is left on a device that nobody clears between purposes: nothing."""

from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, prepared
from suites.tidy import tidy


def test_half_open_and_established_ike_sas_are_deleted() -> None:
    with ReferenceDevice() as device, prepared(all_purposes()["init-response"].purpose, device, 1) as (peer, dut):
        before = len(dut.sas())
        peer.sa().init()
        peer.establish(initial_contact=False)
        peer.sa()
        assert len(dut.sas()) == before + 2
        tidy(peer)
        assert len(dut.sas()) == before


def test_a_device_that_answers_no_more_is_left_alone() -> None:
    with ReferenceDevice() as device, prepared(all_purposes()["init-response"].purpose, device, 1) as (peer, _):
        for _ in range(3):
            peer.sa().init()
        device.clear()
        started = peer.link.now()
        tidy(peer)
        assert peer.link.now() < started + 2 * peer.response_timeout
        assert "not everything is tidied up" in peer.trace.transcript()
