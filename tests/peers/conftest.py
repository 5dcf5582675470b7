"""Real devices for the tests marked `peer`, or the reason why there are none."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from peers.contract import Device, DeviceError
from peers.registry import open_device


@contextmanager
def started(spec: str, **options: object) -> Iterator[Device]:
    """A device that is started now and stopped afterwards; skips with the reason where it cannot be."""
    try:
        device = open_device(spec, **options)
        device.start()
    except DeviceError as error:
        pytest.skip(str(error))
    try:
        yield device
    finally:
        device.stop()


@pytest.fixture(scope="session")
def charon() -> Iterator[Device]:
    with started("strongswan:netns") as device:
        yield device


@pytest.fixture(scope="session")
def other_charon() -> Iterator[Device]:
    with started("strongswan:netns") as device:
        yield device


@pytest.fixture(scope="session")
def pluto() -> Iterator[Device]:
    with started("libreswan:netns") as device:
        yield device
