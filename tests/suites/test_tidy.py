"""What is left on a device that nobody clears between purposes: nothing."""

from conformance.ike.core.connection import Connection
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, prepared, tried
from suites.gate import Gate
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


PURPOSES = all_purposes()


class HandMade(ReferenceDevice):
    """Was configured by hand, once."""

    def __init__(self) -> None:
        super().__init__()
        self.capabilities -= {Capability.CONFIGURABLE}
        self.configured = False

    def apply(self, connection: Connection) -> None:
        if not self.configured:
            super().apply(connection)
            self.configured = True


def open_sas(device: ReferenceDevice) -> list[str]:
    return [str(sa.state) for sa in device.list_sas()]


def test_ike_sas_are_deleted() -> None:
    with HandMade() as device:
        for identifier in ("info-unknown-critical", "mid-request-again", "child-rekey", "child-rekey-by-device"):
            assert tried(PURPOSES[identifier], device).verdict.verdict == "pass"
            assert not open_sas(device), identifier


def test_what_the_device_has_begun_is_completed_and_never_taken_for_new() -> None:
    gate = Gate()
    purpose = PURPOSES["auth-initiator"].purpose
    with HandMade() as device:
        with prepared(purpose, device, 1, gate) as (peer, dut):
            dut.initiate()
            first = peer.expect_init()
        assert not open_sas(device) and set(gate.attempts) == {first.message.spi_i}
        assert first.message.spi_i in gate.earlier  # what tidies up may be answered late, too
        with prepared(purpose, device, 1, gate) as (peer, dut):
            dut.initiate()
            again = peer.expect_init()
            assert again.message.spi_i != first.message.spi_i
        with prepared(purpose, device, 1, gate) as (peer, dut):
            # The device repeats what it has begun before.
            device.initiate()
            late = next(iter(device.engine.endpoint.sas.values()))  # type: ignore[union-attr]
            peer.stale = frozenset({late.spi_i})
            try:
                peer.expect_init()
            except Unexpected as nothing:
                assert "IKE_SA_INIT request" in nothing.expected
            else:
                raise AssertionError("an old attempt was taken for a new one")


def test_half_open_ike_sas_of_the_device_are_completed() -> None:
    with HandMade() as device:
        with prepared(PURPOSES["auth-initiator"].purpose, device, 1) as (peer, dut):
            dut.initiate()
            peer.respond_init(peer.expect_init()).expect_request(ExchangeType.IKE_AUTH)
        assert not open_sas(device)


def test_a_choice_out_of_a_bent_offer_is_completed() -> None:
    with HandMade() as device:
        for identifier in ("init-unknown-transform-type", "init-key-length-missing"):
            assert tried(PURPOSES[identifier], device).verdict.verdict == "pass"
            assert not open_sas(device), identifier


def test_what_the_device_has_forgotten_costs_little() -> None:
    """The IKE SA that proved its end is deleted although another one of the conversation gets no answer any more."""
    with HandMade() as device:
        done = tried(PURPOSES["info-after-auth-failed"], device)
        assert done.verdict.verdict == "pass" and done.dut is not None
        assert not open_sas(device)
        told = done.dut.peer.trace.entries
        judged = next(entry for entry in told if entry.text == "the IKE SA from before this purpose still answers")
        assert told[-1].time - judged.time < done.dut.peer.response_timeout / 4
