"""Keys, clock and memory outlive the process; the process starts and stops cleanly."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox.clock import SandboxClock
from sandbox.wechat import Credentials, SandboxWeChat, Settings, State, make_credentials, running

from .merchant import FakeClock, Http, Merchant, Shop


def test_credentials_are_made_once_and_are_private(tmp_path: Path) -> None:
    first = make_credentials(tmp_path / "keys")
    assert make_credentials(tmp_path / "keys") == first
    files = list((tmp_path / "keys").iterdir())
    assert len(files) == 7
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert (len(first.apiv3_key), len(first.encoding_aes_key)) == (32, 43)
    assert first.wechatpay_public_key_id.startswith("PUB_KEY_ID_")
    assert first.encoding_aes_key.isalnum()


def test_credentials_do_not_show_their_secrets(credentials: Credentials) -> None:
    for secret in (credentials.secret, credentials.apiv3_key, "PRIVATE KEY", credentials.encoding_aes_key):
        assert secret not in repr(credentials)


def test_an_unfinished_set_of_credentials_is_made_anew(tmp_path: Path) -> None:
    first = make_credentials(tmp_path)
    (tmp_path / "credentials.json").unlink()
    assert make_credentials(tmp_path).appid != first.appid


def test_credentials_made_before_there_were_parcels_get_an_account_for_them(tmp_path: Path) -> None:
    first = make_credentials(tmp_path)
    index = tmp_path / "credentials.json"
    plain = json.loads(index.read_text())
    del plain["kuaidi100_customer"], plain["kuaidi100_key"]
    index.write_text(json.dumps(plain))
    second = make_credentials(tmp_path)
    assert (second.appid, second.merchant_private_key) == (first.appid, first.merchant_private_key)
    assert len(second.kuaidi100_customer) == 32
    assert make_credentials(tmp_path) == second


def test_the_clock_goes_forward_for_everybody_who_shares_its_file(tmp_path: Path) -> None:
    mine, theirs = SandboxClock(tmp_path / "clock"), SandboxClock(tmp_path / "clock")
    before = theirs()
    assert before.utcoffset() is not None
    mine.advance(3600)
    assert 3600 <= (theirs() - before).total_seconds() < 3660
    theirs.advance(60)
    assert mine.offset() == 3660
    assert SandboxClock(tmp_path / "clock").offset() == 3660
    (tmp_path / "clock").unlink()
    assert mine.offset() == 0


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_the_clock_never_goes_back(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ValueError, match="forward"):
        SandboxClock(tmp_path / "clock").advance(seconds)


def test_advances_at_the_same_moment_add_up(tmp_path: Path) -> None:
    threads = [threading.Thread(target=SandboxClock(tmp_path / "clock").advance, args=(10,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SandboxClock(tmp_path / "clock").offset() == 200


def test_a_restart_forgets_nothing(tmp_path: Path, credentials: Credentials, clock: FakeClock, shop: Shop) -> None:
    shop.statuses = [500]
    settings = Settings(refund_delay=60, callback_retry_scale=1)

    def sandbox() -> SandboxWeChat:
        return SandboxWeChat(credentials, clock=clock, state=State(tmp_path / "state"), settings=settings)

    with sandbox() as wechat, running(wechat.wsgi_app) as base_url:
        merchant = Merchant(Http(base_url), credentials, clock, shop.url)
        merchant.paid()
        merchant.refund(refund=30)
        merchant.http.control("consents", {"openid": merchant.openid(), "template_id": "t", "count": 2})
    clock.advance(60)
    with sandbox() as wechat, running(wechat.wsgi_app) as base_url:
        merchant.http = Http(base_url)
        shop.wait_for(3)
        assert merchant.query().json()["trade_state"] == "REFUND"
        consent = {"openid": merchant.openid(), "template_id": "t", "count": 1}
        assert merchant.http.control("consents", consent) == {"count": 3}
        assert len(merchant.http.get("/_sandbox/calls")) == 3


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    config = tmp_path / "settings.json"
    config.write_text('{"paid_close_code": "ORDER_PAID"}')
    command = [sys.executable, "-m", "sandbox.wechat", "--port", "0", "--state-dir", str(tmp_path / "wechat")]
    command += ["--clock-file", str(tmp_path / "clock"), "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        line = process.stdout.readline()
        http = Http(line.split()[2])
        http.control("clock", {"advance_seconds": 60})
        assert http.get("/_sandbox/clock")["offset_seconds"] == 60
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert (tmp_path / "wechat" / "credentials" / "merchant_private_key.pem").exists()


@pytest.mark.parametrize("broken", ["state", "setting"])
def test_the_command_says_what_to_do_about_a_broken_start(tmp_path: Path, broken: str) -> None:
    (tmp_path / "state.sqlite3").write_text("this is no database" * 100 if broken == "state" else "")
    config = tmp_path / "settings.json"
    config.write_text("{}" if broken == "state" else '{"no_such": 1}')
    command = [sys.executable, "-m", "sandbox.wechat", "--port", "0", "--state-dir", str(tmp_path)]
    command += ["--clock-file", str(tmp_path / "clock"), "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=20, check=False)
    assert ended.returncode != 0
    assert ("delete it" if broken == "state" else "no such setting: no_such") in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_sandbox_shares_no_code_with_the_shop() -> None:
    """A mistake must not cancel itself out."""
    script = "import sys, sandbox.wechat; sys.exit(any(name.split('.')[0] == 'chalicelib' for name in sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0
