"""The console of a router over SSH: commands, lines of configuration, and what it says against them."""

import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import netmiko
from netmiko.exceptions import NetmikoAuthenticationException, NetmikoBaseException, NetmikoTimeoutException
from paramiko.ssh_exception import BadHostKeyException, SSHException

from peers.contract import DeviceError
from peers.iosxe.configuration import Block
from peers.iosxe.pki import Dialogue
from peers.iosxe.settings import Router

_ASKS = r"\[(?:yes/no|confirm|y/n)\]\s*:?\s*"
_WANTS_TEXT = r"on a line by itself\.?:?\s*"
_CONFIGURATION = "configure terminal"
_LOGGED = re.compile(r"^[*.]?(\d+: )?[*.]?\w{3}\s+\d+ .*: %|^%[A-Z0-9_]+-\d-\w+:")
_HARMLESS = "Warning|Note|Generating|Please|The key|Importing|You already|PEM|Enter|End|Do you|Removing|Are you|Be sure"
_COMPLAINT = re.compile(rf"^\s*(%\s?(?!{_HARMLESS})|ERROR:|Error:|Command rejected|Command authorization failed)\S.*")
_SECRET = re.compile(r"(pre-shared-key (?:(?:local|remote) )?(?:hex )?|password )\S.*")
_FLAGS = re.MULTILINE | re.IGNORECASE
_PAUSE = 0.002
_LOST = (OSError, EOFError, SSHException, NetmikoBaseException)


class Console:
    """A session with a router. Every trouble is a DeviceError of one line; `open` starts a lost session again."""

    def __init__(self, name: str, router: Router) -> None:
        self._name = name
        self._router = router
        self._session: Any = None
        self._prompt = ""

    @property
    def open_now(self) -> bool:
        """Whether there is a session, as far as is known."""
        return self._session is not None

    def open(self) -> None:
        """Log in, become privileged, and switch paging off. Raises DeviceError."""
        router = self._router
        where = f"{router.host}, port {router.port}"
        try:
            session = netmiko.ConnectHandler(
                device_type="cisco_xe",
                host=router.host,
                port=router.port,
                username=router.user,
                password=router.password,
                secret=router.enable,
                conn_timeout=router.timeout,
                auth_timeout=router.timeout,
                banner_timeout=router.timeout,
                allow_agent=False,
                ssh_strict=not router.accept_any_host_key,
                system_host_keys=not router.accept_any_host_key and router.known_hosts is None,
                alt_host_keys=router.known_hosts is not None,
                alt_key_file=str(router.known_hosts or ""),
            )
        except NetmikoAuthenticationException:
            mend = "iosxe.user, iosxe.password and iosxe.enable must be those of the router"
            raise DeviceError(self._name, f"{where} refuses the user {router.user!r} or the password", mend) from None
        except (*_LOST, ValueError) as error:
            raise DeviceError(self._name, *_unreachable(where, router, error)) from None
        self._session = session
        try:
            if not session.check_enable_mode():
                session.enable()
        except (*_LOST, ValueError):
            self.close()
            raise DeviceError(self._name, f"{where} refuses enable", "give iosxe.enable") from None
        self._prompt = rf"^{re.escape(session.base_prompt[:16])}\S*(?:\([\w.-]+\))?[#>] ?$"
        self.ask("terminal no monitor")

    def close(self) -> None:
        """Log out."""
        session, self._session = self._session, None
        if session is not None:
            _quietly(session.disconnect)

    def ask(self, command: str, *, patience: float | None = None) -> str:
        """What the router prints for a command; what it complains about is a DeviceError."""
        printed = self._say(command, patience)
        if complaint := _complaint(printed):
            raise DeviceError(self._name, f"{command!r}: {complaint}")
        return printed

    def configure(self, told: Iterable[str | Block | Dialogue], *, lenient: bool = False) -> list[str]:
        """Give lines of configuration; the first that the router rejects is a DeviceError that names it.

        Where one is ``lenient`` it goes on; what the router complained about is returned.
        """
        complaints = []
        self._say(_CONFIGURATION)
        try:
            for one in told:
                if isinstance(one, Dialogue):
                    self._converse(one)
                    continue
                for line in (one,) if isinstance(one, str) else (one.header, *one.lines):
                    complaint = self._line(line.strip())
                    if complaint and not lenient:
                        raise DeviceError(self._name, complaint)
                    complaints += [complaint] if complaint else []
        finally:
            if self.open_now:
                self._say("end")
        return complaints

    def _line(self, line: str) -> str:
        """Give a line; why the router rejects it, empty where it does not."""
        complaint = _complaint(self._say(line))
        return f"the router rejects the line {_hidden(line)!r}: {complaint}" if complaint else ""

    def _converse(self, dialogue: Dialogue) -> None:
        printed = self._say(dialogue.command, wants=_WANTS_TEXT)
        for text in dialogue.texts:
            printed = self._say(f"{text}\nquit", wants=_WANTS_TEXT)
        if dialogue.success not in printed.lower():
            said = _complaint(printed) or (printed.strip().splitlines() or ["it says nothing"])[-1]
            raise DeviceError(self._name, f"the router rejects {_hidden(dialogue.command)!r}: {said}")

    def _say(self, line: str, patience: float | None = None, *, wants: str = "") -> str:
        """Write a line and read up to the prompt, with every question answered by yes."""
        if self._session is None:
            raise DeviceError(self._name, f"there is no SSH session for {_hidden(line)!r}")
        pattern = re.compile("|".join((self._prompt, rf"{_ASKS}\Z", *([rf"{wants}\Z"] if wants else []))), _FLAGS)
        try:
            self._session.read_channel()
            printed = self._exchange(line, pattern, patience)
            while re.search(_ASKS + r"\Z", printed):
                printed += self._exchange("yes", pattern, patience)
        except netmiko.ReadTimeout:
            self.close()
            problem = f"no end of {_hidden(line)!r} within {patience or self._router.timeout:g} s"
            raise DeviceError(self._name, problem, "raise iosxe.timeout") from None
        except _LOST as error:
            self.close()
            raise DeviceError(self._name, f"the SSH session ended at {_hidden(line)!r}: {_words(error)}") from None
        return "\n".join(one for one in printed.splitlines() if not self._noise(one, line))

    def _exchange(self, line: str, pattern: re.Pattern[str], patience: float | None) -> str:
        """Write a line; read its echo, for what comes before that is old, and all up to the pattern."""
        session, echo = self._session, line.partition("\n")[0][:30]
        session.write_channel(f"{line}\n")
        end = time.monotonic() + (patience or self._router.timeout)
        printed = ""
        while (start := printed.find(echo)) < 0 or not pattern.search(printed, start + len(echo)):
            more = session.read_channel()
            printed += more.replace("\r", "")
            if more:
                continue
            if session.remote_conn.closed:
                raise EOFError("the router has closed it")
            if time.monotonic() > end:
                raise netmiko.ReadTimeout
            time.sleep(_PAUSE)
        return printed[start + len(echo) :]

    def _noise(self, printed: str, line: str) -> bool:
        """Our own line, as the router echoes it, and its prompt."""
        return re.match(self._prompt, printed) is not None or printed.strip() in {
            one.strip() for one in line.split("\n")
        }


def _complaint(printed: str) -> str:
    """The first complaint, without lines of the log that stand in between."""
    lines = [one for one in printed.splitlines() if not _LOGGED.match(one)]
    return next((one.strip() for one in lines if _COMPLAINT.match(one)), "")


def _hidden(line: str) -> str:
    return _SECRET.sub(r"\1...", line.partition("\n")[0])


def _unreachable(where: str, router: Router, error: Exception) -> tuple[str, str]:
    """What went wrong and what to do."""
    said = str(error.__cause__ or error) + str(error)
    if isinstance(error, BadHostKeyException) or "Host key" in said or "known_hosts" in said:
        mend = f"see who {router.host} is, then note its key in {router.known_hosts or Path('~/.ssh/known_hosts')}"
        return f"{where} has another host key than is known, or none is known", mend
    if isinstance(error, NetmikoTimeoutException | OSError):
        return f"{where} cannot be reached by SSH", "see iosxe.host, iosxe.port, and firewalls between"
    return f"{where}: {_words(error)}", "see iosxe.host and iosxe.port"


def _words(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _quietly(action: Callable[[], object]) -> None:
    with suppress(Exception):  # a session that is gone may complain about that in any way
        action()
