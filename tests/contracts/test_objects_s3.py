"""Objects on a real S3 server: what the folder cannot get wrong. The contract itself is in `test_objects.py`."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import pytest
from pydantic import SecretStr

from hub.settings import Settings
from hub.storage.errors import IntegrityBrokenError, MissingError, UnavailableError
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.s3 import Bucket, S3Objects
from tests.adapters.s3 import TestBucket, new_bucket
from tests.support import free_port

bucket = pytest.fixture(new_bucket)


@pytest.fixture
def place(bucket: TestBucket) -> Bucket:
    return Bucket.read(f"{bucket.address}/{bucket.name}/hub")


def test_an_object_put_in_the_place_of_another_is_noticed(bucket: TestBucket, place: Bucket) -> None:
    store = S3Objects(place)
    store.put("a", b"first")
    store.put("b", b"second")
    bucket.put("hub/a", b"put by somebody else")
    _copy(bucket, "hub/b", "hub/c")
    for name in "ac":
        with pytest.raises(IntegrityBrokenError, match=f"object {name}"):
            store.get(name)
    assert store.get("b") == b"second"


def test_a_hub_sees_nothing_outside_its_prefix(bucket: TestBucket, place: Bucket) -> None:
    store = S3Objects(place)
    bucket.put("other/x", b"")
    bucket.put("hubris", b"")
    store.put("lists/1", b"")
    assert store.names("") == ["lists/1"]
    with pytest.raises(MissingError):
        store.get("x")


def test_more_names_than_a_page_of_the_server_holds_are_all_told(bucket: TestBucket, place: Bucket) -> None:
    made = sorted(f"hub/{number}" for number in range(1005))
    for key in made:
        bucket.put(key, b"")
    assert S3Objects(place).names("") == [key.removeprefix("hub/") for key in made]


def _wrong_secret(place: Bucket) -> ObjectStore:
    return S3Objects(replace(place, secret_key="not the secret"))


def _no_bucket(place: Bucket) -> ObjectStore:
    return S3Objects(replace(place, name="nobody-made-this"))


def _nobody_there(place: Bucket) -> ObjectStore:
    return S3Objects(replace(place, host=f"127.0.0.1:{free_port()}"))


@pytest.mark.parametrize("opened", [_wrong_secret, _no_bucket, _nobody_there])
def test_a_store_that_refuses_or_is_away_is_unavailable_and_no_secret_is_told(place: Bucket, opened: object) -> None:
    assert callable(opened)
    store = opened(place)
    for refused in (lambda: store.put("x", b"1"), lambda: store.get("x"), lambda: store.names("")):
        with pytest.raises(UnavailableError) as told:
            refused()
        assert "secret" not in str(told.value)
        assert place.access_key not in str(told.value)
    assert place.secret_key not in repr(place)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(listening.accept()[0])
                except OSError:
                    return

        thread = Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in held:
            one.close()


def test_f13_a_server_that_says_nothing_is_given_up(silent: str) -> None:
    store = S3Objects(Bucket.read(f"http://key:secret@{silent}/bucket"), read_seconds=0.2)
    for refused in (lambda: store.put("x", b"1" * 100_000), lambda: store.get("x"), lambda: store.names("")):
        with pytest.raises(UnavailableError):
            refused()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a:b@host/bucket",
        "https://host/bucket",
        "https://a@host/bucket",
        "https://a:b@host",
        "https://a:b@/c/d",
        "https://a:b@host/B",
        "https://a:b@host/bucket/../x",
        "https://a:b@host/bucket?x=1",
    ],
)
def test_an_address_that_lacks_something_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValueError, match="must be https://ACCESS") as told:
        Settings(objects_url=SecretStr(url))
    assert "a:b" not in str(told.value)


def _copy(bucket: TestBucket, source: str, target: str) -> None:
    from minio.commonconfig import CopySource

    bucket.client.copy_object(
        bucket_name=bucket.name, object_name=target, source=CopySource(bucket_name=bucket.name, object_name=source)
    )
