"""Whether an ordinary handshake still works, and as quickly as at the start."""

import os
from random import Random

from conformance.ike.core.connection import Connection
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive
from peers.contract import Device
from peers.places.process import process_vitals
from suites.campaign.case import Problem
from suites.campaign.lanes import Lanes

SLOWER = 10.0
"""A handshake that takes so many times as long as the first ones, and more than `SLOW` seconds, is a problem."""
SLOW = 0.5

GRACE = 2.0
"""Seconds more than a device says that it keeps what is half-open."""

NO_ANSWER = "no answer to "
NO_ROOM = NO_ANSWER + "IKE_SA_INIT"
"""What is seen where the device takes no more half-open IKE SAs."""

MEASURED = 3
"""So many handshakes say how long one takes."""


class Canary:
    """Ordinary handshakes.

    ``times`` are the seconds that the first ones took, ``peer`` has had the last one. ``waited`` tells that the last
    one had to wait until the device has forgotten what was half-open.
    """

    def __init__(self, device: Device, seed: int) -> None:
        """None so far."""
        self.device, self.seed = device, seed
        self.times: list[float] = []
        self.count = 0
        self.peer: Peer | None = None
        self.waited = False

    def sing(self, lanes: Lanes, connection: Connection, *, patient: bool = True) -> Problem | None:
        """One handshake, with a liveness check, and the deletion of its IKE SA; what is wrong with it, twice in a row.

        Other work of this machine is no fault of the device. Nor is that its room for half-open IKE SAs is taken by
        ours (RFC 7296, section 2.6): who is ``patient`` waits until it has given them up.
        """
        self.waited = False
        problem = self._sing_once(lanes, connection)
        if problem is None or not self.device.alive():
            return problem
        if patient and problem.symptom == NO_ROOM and self.peer is not None:
            self.waited = True
            self.peer.idle(self.device.pixit.half_open_timeout + GRACE)
        elif not self.device.real_time:
            return problem
        again = self._sing_once(lanes, connection)
        return again if again is not None and again.symptom == problem.symptom else None

    def _sing_once(self, lanes: Lanes, connection: Connection) -> Problem | None:
        self.count += 1
        lane = lanes.lane()
        peer = self.peer = Peer(
            lane, connection, Random(f"{self.seed}/canary/{self.count}").randbytes, self.device.pixit.response_timeout
        )
        lane.peer = peer
        began, idle = peer.link.now(), self._kept_waiting()
        try:
            sa = peer.establish() if connection.local_address else None
            took = peer.link.now() - began - (self._kept_waiting() - idle)
            if sa is not None:
                with peer.preamble("a liveness check"):
                    sa.liveness()
                with peer.preamble("the deletion of an IKE SA"):
                    sa.delete()
        except Inconclusive as silent:
            words = f"an ordinary handshake does not work: {silent}"
            return Problem("hang", _stage(str(silent)), words + self._condition())
        finally:
            lane.close()
        return self._judge(took)

    def _kept_waiting(self) -> float:
        """Seconds for which the device or we could have computed, and others did."""
        seen = (self.device.vitals(), process_vitals(os.getpid())) if self.device.real_time else ()
        return sum(one.waited for one in seen if one is not None)

    def _judge(self, took: float) -> Problem | None:
        if len(self.times) < MEASURED:
            self.times.append(took)
            return None
        usual = max(self.times)
        if took > SLOW and took > SLOWER * usual:
            return Problem("hang", "handshakes are slow", f"a handshake took {took:.2f} s, {usual:.3f} s at the start")
        return None

    def _condition(self) -> str:
        words = self.device.condition()
        return f" ({words})" if words else ""


def _stage(words: str) -> str:
    """Which step failed, without what differs."""
    for name in ("IKE_SA_INIT", "IKE_AUTH", "INFORMATIONAL"):
        if f"a response to {name}" in words:
            return NO_ANSWER + name
    return "an ordinary handshake fails"
