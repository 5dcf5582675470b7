"""The control connection to one charon (vici)."""

import contextlib
import socket
import time
from typing import Any

import vici
from vici.exception import CommandException

from peers.contract import DeviceError
from peers.places.place import Place


class Control:
    """One vici session. Every failure is a DeviceError: the daemon is gone, is silent, or refuses."""

    def __init__(self, device: str, connection: socket.socket, timeout: float = 5.0) -> None:
        self._device = device
        self._socket = connection
        self._socket.settimeout(timeout)
        self._session = vici.Session(self._socket)

    @classmethod
    def connect(cls, device: str, place: Place, name: str, patience: float) -> "Control | None":
        """Wait for the daemon's socket; None if the daemon ends or ``patience`` seconds pass before it is there."""
        end = time.monotonic() + patience
        while time.monotonic() < end and place.running():
            with contextlib.suppress(OSError):
                return cls(device, place.connect(name))
            time.sleep(0.005)
        return None

    def request(self, command: str, message: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one command and return its answer."""
        try:
            return dict(self._session.request(command, message))
        except CommandException as error:
            raise DeviceError(self._device, f"refuses {command}: {error}", "see its log") from error
        except (OSError, EOFError, vici.exception.SessionException) as error:
            problem = f"no answer to {command}: {str(error) or type(error).__name__}"
            raise DeviceError(self._device, problem, "it has crashed or hangs; see its log") from error

    def list_sas(self) -> list[tuple[str, dict[str, Any]]]:
        """The name and the description of every IKE SA."""
        try:
            return [pair for event in self._session.list_sas() for pair in event.items()]
        except CommandException as error:
            raise DeviceError(self._device, f"refuses list-sas: {error}") from error
        except (OSError, EOFError, vici.exception.SessionException) as error:
            raise DeviceError(self._device, f"no answer to list-sas: {error}", "it has crashed or hangs") from error

    def close(self) -> None:
        """End the session; the daemon goes on."""
        self._socket.close()
