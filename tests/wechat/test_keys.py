"""Which keys of WeChat Pay count, and where they are looked for."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from chalicelib.wechat.keys import KeyStore, PlatformKeys
from chalicelib.wechat.signing import BadSignature
from chalicelib.wechat.store import StoredKeys

from .platform import CERTIFICATE_SERIAL, KEY_ID, NOW, OTHER_KEY_ID, FakeClock, certificate_pem, platform_keys
from .platform import signed_headers as signed

BODY = b'{"a": 1}'
NEXT_SERIAL = "6A00000000000001"


def next_pem() -> str:
    return certificate_pem("next certificate", NEXT_SERIAL, timedelta(hours=-1), timedelta(days=99))


class InMemoryKeys:
    """The fake of StoredKeys."""

    def __init__(self, pems: Mapping[str, str] | None = None) -> None:
        self.pems = dict(pems or {})
        self.reads = 0
        self.writes = 0

    def read(self) -> Mapping[str, str]:
        self.reads += 1
        return self.pems

    def write(self, pems: Mapping[str, str]) -> None:
        self.writes += 1
        self.pems = dict(pems)


@pytest.fixture
def store() -> InMemoryKeys:
    return InMemoryKeys()


@pytest.fixture
def keys(store: InMemoryKeys) -> PlatformKeys:
    return PlatformKeys({CERTIFICATE_SERIAL: certificate_pem()}, store)


def known(keys: PlatformKeys, clock: FakeClock, serial: str, by: str) -> bool:
    try:
        keys.verify(signed(BODY, at=clock(), serial=serial, by=by), BODY, clock())
    except BadSignature as error:
        if error.reason == "unknown_serial":
            return False
        raise
    return True


def test_requests_name_the_first_public_key_and_none_in_certificate_mode() -> None:
    assert PlatformKeys({CERTIFICATE_SERIAL: "", OTHER_KEY_ID: "", KEY_ID: ""}).preferred == OTHER_KEY_ID
    assert PlatformKeys({CERTIFICATE_SERIAL: ""}).preferred is None


def test_a_merchant_with_any_certificate_is_in_certificate_mode() -> None:
    assert PlatformKeys({CERTIFICATE_SERIAL: ""}).certificate_mode
    assert PlatformKeys({KEY_ID: "", CERTIFICATE_SERIAL: ""}).certificate_mode
    assert not PlatformKeys({KEY_ID: "", OTHER_KEY_ID: ""}).certificate_mode
    assert not PlatformKeys({}).certificate_mode


def test_secrets_are_sealed_with_the_public_key_or_else_with_the_certificate_that_began_last(
    keys: PlatformKeys, store: InMemoryKeys
) -> None:
    assert PlatformKeys(platform_keys()).sealing(NOW) == KEY_ID
    assert PlatformKeys({}).sealing(NOW) is None
    assert keys.sealing(NOW) == CERTIFICATE_SERIAL
    later = "6A00000000000002"
    store.pems[NEXT_SERIAL] = next_pem()
    store.pems[later] = certificate_pem("later certificate", later, timedelta(hours=1), timedelta(days=99))
    now = NOW + timedelta(minutes=10)
    assert keys.sealing(now) == NEXT_SERIAL
    assert keys.sealing(now + timedelta(hours=1)) == later
    coming = PlatformKeys({later: store.pems[later]})
    assert coming.sealing(NOW) == later, "better than none"


def test_what_another_process_fetched_is_known_after_ten_minutes_and_at_once_when_asked_for_by_name(
    keys: PlatformKeys, store: InMemoryKeys, clock: FakeClock
) -> None:
    assert not known(keys, clock, NEXT_SERIAL, "next certificate")
    store.pems[NEXT_SERIAL] = next_pem()
    clock.advance(seconds=60)
    assert known(keys, clock, NEXT_SERIAL.lower(), "next certificate")
    assert store.reads == 2
    clock.advance(minutes=9, seconds=59)
    assert known(keys, clock, NEXT_SERIAL, "next certificate")
    assert store.reads == 2
    store.pems.clear()
    clock.advance(seconds=1)
    assert not known(keys, clock, NEXT_SERIAL, "next certificate")
    assert store.reads == 3


def test_unknown_serials_make_us_look_once_a_minute_and_no_more(
    keys: PlatformKeys, store: InMemoryKeys, clock: FakeClock
) -> None:
    for serial in ("7A4B", "PUB_KEY_ID_FORGED", "7A4C") * 20:
        assert not known(keys, clock, serial, "attacker")
    assert store.reads == 1
    clock.advance(seconds=59)
    assert not known(keys, clock, "7A4B", "attacker")
    assert store.reads == 1


def test_configured_keys_never_need_the_store(store: InMemoryKeys, clock: FakeClock) -> None:
    store.pems[KEY_ID] = next_pem()
    keys = PlatformKeys(platform_keys(), store)
    assert known(keys, clock, KEY_ID, "platform")
    assert known(keys, clock, CERTIFICATE_SERIAL, "certificate")
    assert store.reads == 0
    assert not known(keys, clock, "7A4B", "attacker")
    assert known(keys, clock, KEY_ID, "platform"), "the settings win"


def test_what_was_learned_counts_at_once_and_is_written_only_if_it_is_new(
    keys: PlatformKeys, store: InMemoryKeys, clock: FakeClock
) -> None:
    for _ in range(2):
        keys.learn({NEXT_SERIAL: next_pem()}, clock())
    assert known(keys, clock, NEXT_SERIAL, "next certificate")
    assert (store.pems, store.writes, store.reads) == ({NEXT_SERIAL: next_pem()}, 1, 0)


def test_without_a_store_what_was_learned_is_known_to_this_process(clock: FakeClock) -> None:
    keys = PlatformKeys({CERTIFICATE_SERIAL: certificate_pem()})
    keys.learn({NEXT_SERIAL: next_pem()}, clock())
    clock.advance(hours=1)
    assert known(keys, clock, NEXT_SERIAL, "next certificate")


def test_the_table_keeps_a_merchants_certificates_for_all_processes(tables: str) -> None:
    one, other, another_merchant = (StoredKeys(mchid) for mchid in ("16", "16", "17"))
    stores: list[KeyStore] = [one, other, another_merchant]
    assert [store.read() for store in stores] == [{}, {}, {}]
    one.write({"A1": "first"})
    one.write({NEXT_SERIAL: next_pem(), "B2": "x" * 2000})
    assert [store.read() for store in stores] == [{NEXT_SERIAL: next_pem(), "B2": "x" * 2000}] * 2 + [{}]
