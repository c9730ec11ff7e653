from collections.abc import Iterator

import pytest

from sandbox.wechat import Credentials, SandboxWeChat, Settings, make_credentials, running

from .merchant import FakeClock, Http, Merchant, Shop


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("credentials"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def http(credentials: Credentials, clock: FakeClock, settings: Settings) -> Iterator[Http]:
    """Calls to a sandbox that runs for this test alone."""
    wechat = SandboxWeChat(credentials, clock=clock, settings=settings)
    with wechat, running(wechat.wsgi_app) as base_url:
        yield Http(base_url)


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture
def merchant(http: Http, credentials: Credentials, clock: FakeClock, shop: Shop) -> Merchant:
    return Merchant(http, credentials, clock, shop.url)
