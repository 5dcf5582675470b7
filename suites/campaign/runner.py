"""Running cases on a device: reach the state or use one that is kept, send the steps, ask the oracles."""

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from conformance.script.peer import Peer
from conformance.script.trace import Trace
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.contract import Device, DeviceError
from peers.reference.mortal import death_of
from suites.campaign.answers import SILENCE, log_classes
from suites.campaign.case import Case, Outcome, Problem
from suites.campaign.code import Code
from suites.campaign.execute import MOMENT, UNSENT, Done, Executor, proves_life
from suites.campaign.lanes import HISTORY, History
from suites.campaign.oracles.death import deaths, gone
from suites.campaign.oracles.death import problem_of as problem_of_death
from suites.campaign.oracles.growth import Growing, more, rises
from suites.campaign.oracles.hang import Canary
from suites.campaign.oracles.left_behind import GRACE, left_behind
from suites.campaign.oracles.requirement import believed, halved, problem_of, unproved
from suites.campaign.oracles.spinning import Spinning
from suites.campaign.oracles.survival import loss
from suites.campaign.scene import Scene, Unreachable
from suites.campaign.stage import Stage
from suites.campaign.states import STATES, State
from suites.evidence import key_lines
from suites.pulse import Samples

MOST_USES = {True: 200, False: 500}
"""A state that nothing changes is reached again after so many cases, by whether time passes for the device."""

PATIENCE = 0.08
"""Seconds for an answer where time passes."""

AFTERWARDS = 0.3
"""Seconds for what follows an answer, where each is to have the time that it needs."""

MOST_UNSEEN = 10
"""The same where nothing shows that the device keeps it: it has answered nothing."""

SEEN_AT_ONCE = ("requirement", "left-behind", "growth", "differential", "ourselves")
"""Oracles that need no handshake after a case."""

CANARY_EVERY = {True: 40, False: 25}
"""Cases between two ordinary handshakes."""


class Runner:
    """Runs cases on one device, as a context manager: it starts the device, and stops it at the end.

    A state is kept as long as the device keeps it, several side by side, and reached again when it is lost. A device
    that has died is started again.

    Attributes:
        device: the device.
        history: the last 1,000 datagrams, oldest first; ``keys`` are lines of Wireshark's table that decrypt them.
        suspects: the cases since the device was last seen to be well, the newest last: what a hang may be due to.
        restarts: how often the device had to be started again.
        last_words: the device's log as it was when something was wrong last.
    """

    def __init__(self, device: Device, *, seed: int) -> None:
        """Nothing is started yet. ``seed`` is that of the canaries; each case has its own."""
        self.device, self.seed = device, seed
        self.history = History()
        self.suspects: deque[Case] = deque(maxlen=100)
        self.restarts = 0
        self.last_words = ""
        self._is_down = False
        self._stage = Stage(device, self.history, self._applied)
        self.keys: dict[str, None] = {}
        self._since = self._log_mark = 0
        self._canary: Canary | None = None
        self._samples, self._spinning = Samples(device), Spinning(device)
        self._code = Code(device.coverage)
        self._growth: Problem | None = None
        self._state = ""
        self._growing = Growing(device.kept)
        self._works: set[str] = set()
        self._executor = Executor(real_time=device.real_time, patience=PATIENCE)

    def __enter__(self) -> Self:
        """Start the device. Raises DeviceError."""
        self.device.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the device."""
        self._stage.close()
        self.device.stop()

    # --- what can be run ------------------------------------------------------------------------------------------

    def reachable(self) -> tuple[str, ...]:
        """The states that the device can be brought to by what it claims, those of one connection side by side."""
        found = []
        for state in STATES.values():
            try:
                theirs = self._stage.views_of(state).theirs
            except Unreachable:
                continue
            found.append((state.name, repr(theirs)))
        order = {theirs: at for at, (_, theirs) in reversed(list(enumerate(found)))}
        return tuple(name for name, theirs in sorted(found, key=lambda one: order[one[1]]))

    def why_not(self, state: str) -> str:
        """Why a state cannot be reached, empty if it can, as far as the device's claims say."""
        try:
            self._stage.views_of(STATES[state])
        except Unreachable as reason:
            return str(reason)
        return ""

    @property
    def peer(self) -> Peer:
        """Our side of the last case, with trace and keys. Raises ValueError before the first one."""
        if self._stage.peer is None:
            raise ValueError("no case has been run")
        return self._stage.peer

    @property
    def trace(self) -> Trace:
        """The trace of the last case, from how its state was reached on."""
        return self.peer.trace

    def log(self) -> str:
        """The device's log since its connection was loaded."""
        try:
            return self.device.log()
        except DeviceError:
            return ""

    # --- a case ---------------------------------------------------------------------------------------------------

    def run(self, case: Case, *, fresh: bool = False, asked: str = "", patient: bool = False) -> Outcome:
        """Run a case. ``fresh``: on a device that has forgotten everything before, and looked at closely afterwards.

        ``asked``: the oracle whose word counts, empty for all; another that takes its time is not heard. ``patient``:
        each answer gets the time that the device says that it needs, so that silence means something.

        Raises:
            ValueError: the case names a state that does not exist.
            DeviceError: the device cannot be started any more.
        """
        if case.state not in STATES:
            raise ValueError(f"there is no state {case.state!r}")
        if fresh:
            self._stage.close()
        if self._is_down:
            self._restart()
        self.suspects.append(case)
        executor, needed = self._executor, self.device.pixit.response_timeout
        executor.patience, executor.moment = (needed, AFTERWARDS) if patient else (PATIENCE, MOMENT)
        try:
            self._try_first(STATES[case.state])
            before = self.history.total
            scene = self._stage.scene(STATES[case.state], case.seed)
        except Unreachable as reason:
            return self._unreached(STATES[case.state], str(reason), fresh=fresh)
        except DeviceError as refusal:
            # Where nothing has been sent to it before, this is no case's fault.
            problems = gone(self.device, str(refusal)) if len(self.suspects) > 1 else ()
            if not problems:
                raise
            self._recover(problems)
            return Outcome((f"unreachable: {refusal}",), (), problems, kept=False)
        return replace(self._run_in(scene, case, fresh=fresh, asked=asked), exchanged=self.history.total - before)

    def _run_in(self, scene: Scene, case: Case, *, fresh: bool, asked: str) -> Outcome:
        self._stage.peer, self._state = scene.peer, case.state
        held = self.device.kept()
        self._code.fresh()  # how a state is reached is no merit of the case
        try:
            done = self._executor.run(scene, case.steps)
        except Exception as error:  # a campaign of days must not end with what our own side cannot do
            return self._failed(scene, error)
        scene.used += 1
        self._note_keys(scene.peer)
        problems = list(self._deaths(done))
        kept = False
        if not problems:
            problems = list(self._judged(scene, done))
            kept = not problems and self._keeps(scene, case, done)
        if not problems and not kept:
            problems = list(self._deaths(done)) or list(self._lost(scene, case, done, fresh=fresh))
        code = self._code.fresh()
        grown = more(held, self.device.kept()) if not problems else frozenset()
        log = self._logged()
        self._stage.leave(scene, kept=kept and not problems)
        self._since += 1
        closely = fresh and asked not in SEEN_AT_ONCE
        if not problems and (closely or self._since >= CANARY_EVERY[self.device.real_time]):
            problems = list(self._look(scene.state, fresh=fresh))
        if not problems and asked in ("", "growth"):
            problems = list(self._grows(case, grown, fresh=fresh))
        if not problems and self._growth is not None:
            problems, self._growth = [self._growth], None
        if problems:
            self._recover(problems)
        return Outcome(
            tuple(done.answers), log, tuple(problems), tuple(done.sent), done.datagrams, kept and not problems, code
        )

    def _try_first(self, state: State) -> None:
        """Raise Unreachable where no ordinary handshake works with the connection of a state, before anything is sent.

        So what fails later worked before. A device that holds the connection begins anew afterwards.
        """
        if state.name in self._works or not state.canary or Capability.RESPONDER not in self.device.capabilities:
            return
        views = self._stage.views_of(state)
        if repr(views.theirs) not in self._works:
            self._stage.load(views)
            problem = Canary(self.device, self.seed).sing(self._stage.loaded[0], views.ours, patient=False)
            self._stage.close()
            if problem is not None:
                raise Unreachable(problem.words)
        self._works |= {state.name, repr(views.theirs)}

    def _note_keys(self, peer: Peer) -> None:
        self.keys |= dict.fromkeys(key_lines(peer))
        while len(self.keys) > HISTORY:
            del self.keys[next(iter(self.keys))]

    def _failed(self, scene: Scene, error: Exception) -> Outcome:
        """Our own side has failed on what the device has sent, or on what was to be sent."""
        self._stage.leave(scene, kept=False)
        found = problem_of_death(death_of(error))
        problem = Problem("ourselves", found.symptom, found.words, backtrace=found.backtrace)
        self._stage.close()
        return Outcome(("failed",), (), (problem,), kept=False)

    def _judged(self, scene: Scene, done: Done) -> Iterable[Problem]:
        """What the oracles say of the conversation."""
        seen: set[str] = set()
        for broken in scene.watch.look(done.entries):
            problem = problem_of(broken)
            if broken.mandatory and problem.symptom not in seen:
                seen.add(problem.symptom)
                yield problem
        yield from scene.conversation.look()
        yield from unproved(done.sent, done.entries, scene.sa, scene.proofs)
        yield from halved(scene.peer.trace.entries, done.entries, scene.sa, scene.proofs)
        asked = [one for one in done.sent if one is not None and one.exchange == ExchangeType.IKE_AUTH]
        scene.proofs.update(one.message_id for one in asked)
        if scene.state.role == "initiator":
            yield from believed(self.device, done.sent, done.entries, scene.sa)
        if left_behind(self.device, done.received) is not None:
            scene.peer.idle(GRACE)
            left = left_behind(self.device, done.received)
            if left is not None:
                yield left

    def _lost(self, scene: Scene, case: Case, done: Done, *, fresh: bool) -> Iterable[Problem]:
        """An IKE SA that is up, was never deleted, and answers no more although nobody has touched it.

        It counts if it happens again on a device that has forgotten all else: one that hears us late may have given up.
        """
        problem = loss(scene, done, self._executor)
        if problem is not None and not fresh:
            problem = self._lost_again(case)
        return () if problem is None else (problem,)

    def _lost_again(self, case: Case) -> Problem | None:
        self._stage.close()
        try:
            scene = self._stage.scene(STATES[case.state], case.seed)
        except Unreachable:
            return None
        self._executor.lives(scene, patient=True)
        done = self._executor.run(scene, case.steps)
        scene.lost = scene.up and not self._executor.lives(scene, patient=True)
        problem = loss(scene, done, self._executor)
        self._stage.leave(scene, kept=False)
        return problem

    def _grows(self, case: Case, grown: frozenset[str], *, fresh: bool) -> Iterable[Problem]:
        """What is kept without end: the case is tried again and again on a device that begins anew."""

        def again() -> bool:
            try:
                scene = self._stage.scene(STATES[case.state], case.seed)
            except Unreachable:
                return False
            done = self._executor.run(scene, case.steps)
            scene.note(done.entries)
            self._stage.leave(scene, kept=self._keeps(scene, case, done))
            return self.device.alive()

        if self._growing.is_suspect(case, grown, fresh=fresh):
            self._stage.close()
            yield from self._growing.look(case, grown, again, fresh=fresh)

    def _deaths(self, done: Done) -> Iterable[Problem]:
        silent = bool(done.answers) and done.answers[-1] in (SILENCE, UNSENT)
        if self.device.real_time and silent:
            self.device.alive()
        return deaths(self.device)

    def _keeps(self, scene: Scene, case: Case, done: Done) -> bool:
        """Whether the state is as it was. Raises nothing: what is wrong is seen by the oracles."""
        if scene.used >= MOST_USES[self.device.real_time]:
            return False
        if scene.state.name == "init":
            return True
        if not scene.state.up:
            alike = all(one.sa is None or one.sa is not scene.sa for one in done.received)
            return alike and scene.used < MOST_UNSEEN and scene.asked == (scene.held is not None)
        if not scene.up or scene.sa is not scene.begun[-1] or len(scene.ike.children) > scene.known + 6:
            return False
        if proves_life(case.steps, done.answers):
            return True
        mark = len(scene.peer.trace.entries)
        scene.lost = not self._executor.lives(scene, patient=not done.genuine)
        scene.note(scene.peer.trace.entries[mark:])  # an answer may come in the next case
        return not scene.lost

    def _look(self, state: State, *, fresh: bool) -> Iterable[Problem]:
        """An ordinary handshake now and then: the device must still be able to do that, and as quickly.

        A replay on a device with a clock of its own does not wait for its room: a campaign has, before.
        """
        self._since = 0
        if Capability.RESPONDER not in self.device.capabilities:
            return
        if not state.canary:
            self._stage.load(self._stage.views_of(STATES["established"]))
        lanes, views = self._stage.loaded
        canary = self._canary = self._canary or Canary(self.device, self.seed)
        problem = canary.sing(lanes, views.ours, patient=not (fresh and self.device.real_time))
        if canary.waited:
            self._stage.close()  # the states are not what they were
        if canary.peer is not None:
            self._note_keys(canary.peer)
        yield from deaths(self.device)
        problem = problem or self._spinning.look()
        if problem is not None:
            yield problem
        else:
            self.suspects.clear()

    def _recover(self, problems: Sequence[Problem]) -> None:
        """Begin anew after a problem; the device is started again where it is dead or hangs.

        Where that does not work the next case says so: first somebody has to be told of the problem.
        """
        self.last_words = self.log()
        if any(one.oracle in ("death", "hang") for one in problems):
            self._is_down = True
            with suppress(DeviceError):
                self._restart()
        else:
            self._stage.close()

    def _restart(self) -> None:
        self._stage.close()
        self.restarts += 1
        self._samples.forget()
        with suppress(DeviceError):  # one that has died cannot be told to end
            self.device.stop()
        self.device.start()
        self._is_down = False

    def _applied(self) -> None:
        """The device has its connection anew: it has forgotten all SAs, and its log begins."""
        self._canary, self._log_mark = None, 0
        if self.device.real_time and self._stage.peer is not None:
            growth = self._samples.take(self._state)
            self._growth = rises(growth) if growth is not None else None

    def _unreached(self, state: State, reason: str, *, fresh: bool) -> Outcome:
        """A state could not be reached: since the device is dead or hangs, which a handshake shows, or never."""
        self.device.alive()
        problems = list(deaths(self.device))
        if not problems and state.canary and state.name in self._works and self._stage.is_loaded:
            problems = list(self._look(state, fresh=fresh))
        if problems:
            self._recover(problems)
        else:
            self._stage.close()
        return Outcome((f"unreachable: {reason}",), (), tuple(problems), kept=False)

    def _logged(self) -> tuple[str, ...]:
        try:
            text, self._log_mark = self.device.logged(self._log_mark)
        except DeviceError:
            return ()
        return log_classes(text)
