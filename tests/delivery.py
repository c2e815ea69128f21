"""What tests of sent files share: small real files, one that the store lost or changed, and what is sent of it."""

import io
import os
import struct
import wave
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import inspect
from werkzeug.test import TestResponse

from jit_portal.exhibits.models import Exhibit
from jit_portal.files import storage
from jit_portal.identity.models import User
from tests import factories
from tests.factories import World

Browse = Callable[[User], FlaskClient]


@pytest.fixture
def world(app: Flask) -> World:
    return factories.world()


def get(client: FlaskClient, exhibit: Exhibit, way: str = "preview", **headers: str) -> TestResponse:
    # Its id is known without asking: an answer left open by an earlier test may have ended this thread's session.
    (id,) = inspect(exhibit).identity or ()
    return client.get(f"/vault/exhibits/{id}/content?as={way}", headers=headers)


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "PNG")
    return file.getvalue()


def damage(exhibit: Exhibit, how: str) -> None:
    """In the store, a small file is "gone", or "changed" into as many other bytes."""
    assert exhibit.file is not None
    if how == "gone":
        storage.store().remove(exhibit.file.object_name)
    else:
        storage.store().put(exhibit.file.object_name, bytes(exhibit.file.length + 28))


def wav(seconds: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(os.urandom(16_000 * seconds))
    return file.getvalue()


def mp4(length: int) -> bytes:
    return struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41" + os.urandom(length - 24)
