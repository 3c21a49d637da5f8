"""One token for the session: a process loads a PKCS #11 library once."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.judges.absence import missing
from tests.keys.device import Device


@pytest.fixture(scope="session")
def token_device() -> Iterator[Device]:
    if why := Device.missing():
        missing(why)
    with tempfile.TemporaryDirectory() as folder:  # the address of a socket has a hundred characters at most
        device = Device(Path(folder))
        before = os.environ.get("P11_KIT_SERVER_ADDRESS")
        os.environ["P11_KIT_SERVER_ADDRESS"] = f"unix:path={device.socket}"
        yield device
        device.unplug()
        if before is None:
            del os.environ["P11_KIT_SERVER_ADDRESS"]


@pytest.fixture
def device(token_device: Device) -> Iterator[Device]:
    token_device.plug()
    yield token_device
    token_device.unplug()
