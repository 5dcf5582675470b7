"""Any device at all: orders are shell commands, or words to the person at its console."""

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2

from conformance.ike.core.connection import Connection, Mode
from conformance.net import Link
from conformance.script.verdict import NotApplicable
from peers.byhand import as_configured
from peers.capabilities import Capability, needs
from peers.contract import ChildStatus, Device, DeviceError, SaState, SaStatus, Unsupported
from peers.described import connection_json
from peers.devicefile import DeviceFile, read_device
from peers.places.owner import RunDirectory, close_at_exit, closed, sweep
from peers.printed import MOST, Printed, TooMuch, read
from peers.thishost import bind_tester

CANNOT_EXPRESS = 3
"""Exit code of an ``apply`` whose device cannot express the connection: the purpose is not applicable."""

NO_SUCH_COMMAND = (126, 127)
"""Exit codes of a shell that cannot run what the device file says."""

Ask = Callable[[str], None]
"""Shows a sentence to a person and returns when it is done."""


def ask_at_terminal(words: str) -> None:
    """Show what is to be done on the terminal and wait for Enter, even while standard input is captured.

    Raises OSError where there is no terminal.
    """
    with Path("/dev/tty").open("r+b", buffering=0) as terminal:
        terminal.write(f"\n>>> {words}\n>>> then press Enter ".encode())
        while terminal.read(1) not in (b"\n", b"\r", b""):
            pass


class ExternalDevice(Device):
    """A device described by a TOML file (`peers.devicefile`).

    Without a command or prompt for ``apply`` the device is configured by hand, once: with what the file says. Any other
    connection is Unsupported.
    """

    backend = "external"

    def __init__(self, path: Path, *, ask: Ask = ask_at_terminal) -> None:
        self._file: DeviceFile = read_device(path)
        self._ask = ask
        self.name, self.version = self._file.name, self._file.version
        self.capabilities, self.pixit = self._file.capabilities, self._file.pixit
        self.deviations_file = self._file.deviations
        self.described_in = path
        self.restarts = self._knows("start")
        self._run_directory: RunDirectory | None = None
        self._connection: Connection | None = None
        self._given: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._complaints: list[str] = []
        self._log_from = 0

    def start(self) -> None:
        """Run the command ``start``, if there is one."""
        if self._run_directory is None:
            sweep()
            self._run_directory = RunDirectory()
            close_at_exit(self)
            self._do("start")

    def close(self) -> None:
        """What `stop` does, for `peers.places.owner`."""
        self.stop()

    def stop(self) -> None:
        """Run the command ``stop``, if there is one, and end commands that still run."""
        if self._run_directory is None:
            return
        try:
            self._do("stop")
        finally:
            self._forget()
            self._run_directory.remove()
            self._run_directory = None
            closed(self)

    def open_link(self, *, ipv6: bool = False) -> Link:
        """Bind the tester's address on this host."""
        return bind_tester(self.name, self.pixit, ipv6=ipv6)

    def apply(self, connection: Connection) -> None:
        """Render the template, write the connection as JSON, and run or ask for ``apply``."""
        self.require(*sorted(needs(connection)))
        self._forget()
        self._complaints.clear()
        if not self._knows("apply"):
            as_configured(self, connection)  # raises where it has another one
            self._do("clear")
        elif connection != self._connection or "apply" in self._file.commands:
            self._write(connection)
            self._do("apply")
        self._connection = connection
        self._log_from = self._said("log").total if "log" in self._file.commands else 0

    def _write(self, connection: Connection) -> None:
        directory = self._opened()
        (directory / "connection.json").write_text(connection_json(connection, self.pixit))
        template = self._file.template
        if template is None:
            return
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(template.parent),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )
        try:
            device, tester = self.pixit.device_address, self.pixit.tester_address
            values = json.loads(connection_json(connection, self.pixit))["connection"]
            text = environment.get_template(template.name).render(connection=values, device=device, tester=tester)
        except jinja2.TemplateSyntaxError as error:
            raise DeviceError(f"{template}, line {error.lineno}", str(error.message)) from error
        except jinja2.TemplateError as error:
            raise DeviceError(str(template), str(error.message)) from error
        (directory / "config").write_text(text)

    def clear(self) -> None:
        """Run or ask for ``clear``, if the file has it."""
        self._do("clear")

    def initiate(self, child: str | None = None) -> None:
        """Run or ask for ``initiate``."""
        if child is None and self._connection is not None and self._connection.children:
            child = self._connection.children[0].name
        self._order(Capability.INITIATOR, "initiate", child or "")

    def rekey_ike(self) -> None:
        """Run or ask for ``rekey_ike``."""
        self._order(Capability.REKEY_IKE, "rekey_ike")

    def rekey_child(self, name: str) -> None:
        """Run or ask for ``rekey_child``."""
        self._order(Capability.REKEY_CHILD, "rekey_child", name)

    def reauthenticate(self) -> None:
        """Run or ask for ``reauthenticate``."""
        self._order(Capability.REAUTH, "reauthenticate")

    def delete_ike(self) -> None:
        """Run or ask for ``delete_ike``."""
        self._order(Capability.DELETE_IKE, "delete_ike")

    def delete_child(self, name: str) -> None:
        """Run or ask for ``delete_child``."""
        self._order(Capability.DELETE_CHILD, "delete_child", name)

    def list_sas(self) -> list[SaStatus]:
        """Run ``list_sas``, which prints a JSON list of the fields of `SaStatus`, SPIs in hexadecimal."""
        if "list_sas" not in self._file.commands:
            raise Unsupported(Capability.LIST_SAS, self.name)
        self._look_back()
        output = self._said("list_sas").text()
        try:
            return [_sa(one) for one in json.loads(output)]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DeviceError(self.name, f"list_sas printed what is no list of SAs: {error!r}") from error

    def log(self) -> str:
        """What ``log`` prints, without what it printed at the last `apply`, and the orders that ended badly."""
        said = self._said("log").text(self._log_from) if "log" in self._file.commands else ""
        self._look_back()
        return said + "".join(f"{one}\n" for one in self._complaints)

    def alive(self) -> bool:
        """Whether the command ``alive`` succeeds; True where there is none, since nobody can tell."""
        if "alive" not in self._file.commands:
            return True
        try:
            self._said("alive")
        except DeviceError:
            return False
        return True

    # --- commands and prompts

    def _knows(self, order: str) -> bool:
        return order in self._file.commands or order in self._file.prompts

    def _do(self, order: str) -> None:
        """Carry out an order and wait for its end; nothing where the file does not know it."""
        if order in self._file.commands:
            self._said(order)
        elif order in self._file.prompts:
            self._prompt(order, "")

    def _order(self, capability: Capability, order: str, child: str = "") -> None:
        """Give an order and do not wait for a command's end.

        What comes of it is seen on the wire: that ``initiate`` ends with 1 is just what a purpose wants whose responder
        refuses. How it ended stands in the log.
        """
        self._look_back()
        if order in self._file.commands:
            self._given.append((order, self._start(order, child)))
        elif order in self._file.prompts:
            self._prompt(order, child)
        else:
            raise Unsupported(capability, self.name)

    def _prompt(self, order: str, child: str) -> None:
        words = self._file.prompts[order] + (f" ({child})" if child else "")
        if order == "apply":
            words += f"; the configuration is in {self._places()['config']} and {self._places()['connection']}"
        try:
            self._ask(f"{self.name}: {words}")
        except OSError as error:
            mend = f"give commands.{order} in {self._file.path}, or run at a terminal"
            raise DeviceError(self.name, f"nobody can be asked to {order}: {error.strerror}", mend) from error

    def _start(self, order: str, child: str = "") -> "subprocess.Popen[bytes]":
        values = self._places() | {"child": child}
        command = self._file.commands[order].format_map({key: shlex.quote(value) for key, value in values.items()})
        return subprocess.Popen(
            command,
            shell=True,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _said(self, order: str) -> Printed:
        """Run a command to its end; what it has printed."""
        process = self._start(order)
        try:
            output, complaint = read(process, self._file.command_timeout)
        except subprocess.TimeoutExpired as error:
            _end(process)
            problem = f"commands.{order} did not end within {self._file.command_timeout:g} s"
            raise DeviceError(self.name, problem, "raise timers.command_timeout") from error
        except TooMuch as error:
            _end(process)
            problem = f"commands.{order} printed more than {MOST >> 20} MB"
            raise DeviceError(self.name, problem, "let it print less, such as the end of a log") from error
        self._judge(order, process.returncode, (complaint if complaint.total else output).text())
        return output

    def _look_back(self) -> None:
        ended = [(order, process) for order, process in self._given if process.poll() is not None]
        self._given = [pair for pair in self._given if pair not in ended]
        for order, process in ended:
            output, complaint = process.communicate()
            try:
                self._judge(order, process.returncode, (complaint or output).decode(errors="replace"))
            except DeviceError as error:
                if process.returncode in NO_SUCH_COMMAND:
                    raise
                self._complaints.append(error.problem)

    def _forget(self) -> None:
        """An order of the purpose before may still wait for an SA that is gone; how it ends matters no more."""
        for _, process in self._given:
            _end(process)
        self._given.clear()

    def _judge(self, order: str, code: int, output: str) -> None:
        if order == "apply" and code == CANNOT_EXPRESS:
            raise NotApplicable(f"{self.name} cannot express the connection: {_last_line(output)}")
        if code != 0:
            problem = f"commands.{order} ended with {code}: {_last_line(output)}"
            raise DeviceError(self.name, problem, f"see {self._file.path}")

    def _places(self) -> dict[str, str]:
        directory = self._opened()
        return {
            "config": str(directory / "config"),
            "connection": str(directory / "connection.json"),
            "device": self.pixit.device_address,
            "tester": self.pixit.tester_address,
        }

    def _opened(self) -> Path:
        if self._run_directory is None:
            raise DeviceError(self.name, "is not started")
        return self._run_directory.path


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["it said nothing"])[-1]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a shell and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()  # what has left the group of the shell may print for ever


def _sa(entry: dict[str, Any]) -> SaStatus:
    children = tuple(_child(one) for one in entry.get("children", ()))
    return SaStatus(_spi(entry["spi_i"], 8), _spi(entry["spi_r"], 8), SaState(entry["state"]), children)


def _child(entry: dict[str, Any]) -> ChildStatus:
    return ChildStatus(
        name=str(entry["name"]),
        spi_in=_spi(entry["spi_in"], 4),
        spi_out=_spi(entry["spi_out"], 4),
        local_ts=tuple(map(str, entry.get("local_ts", ()))),
        remote_ts=tuple(map(str, entry.get("remote_ts", ()))),
        mode=Mode(entry.get("mode", "tunnel")),
        state=SaState(entry.get("state", "established")),
        bytes_in=entry.get("bytes_in"),
        bytes_out=entry.get("bytes_out"),
    )


def _spi(text: str, size: int) -> bytes:
    spi = bytes.fromhex(text.removeprefix("0x"))
    if len(spi) != size:
        raise ValueError(f"SPI {text} has {len(spi)} octets, expected {size}")
    return spi
