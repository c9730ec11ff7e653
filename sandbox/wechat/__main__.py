"""python -m sandbox.wechat --port 8703 --state-dir .local/wechat --clock-file .local/clock [--config settings.json]"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sqlite3
import sys
import threading
from pathlib import Path

from sandbox.clock import SandboxClock
from sandbox.wechat import SandboxWeChat, Settings, State, make_credentials, running


def main() -> None:
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    folder: Path = args.state_dir
    credentials = make_credentials(folder / "credentials")
    try:
        settings = Settings.from_json(json.loads(args.config.read_text()) if args.config else {})
    except (OSError, ValueError) as error:
        sys.exit(f"--config {args.config}: {error}")
    try:
        state = State(folder / "state.sqlite3")
    except sqlite3.DatabaseError as error:
        sys.exit(f"{folder / 'state.sqlite3'} is broken ({error}); delete it and start again")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sandbox = SandboxWeChat(credentials, clock=SandboxClock(args.clock_file), state=state, settings=settings)
    with sandbox, running(sandbox.wsgi_app, args.host, args.port) as base_url:
        print(f"sandbox WeChat: {base_url}  what it can do: {base_url}/_sandbox/", flush=True)
        stop.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.wechat", description="A WeChat on this machine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8703)
    parser.add_argument("--state-dir", type=Path, default=Path(".local/wechat"))
    parser.add_argument("--clock-file", type=Path, default=Path(".local/clock"))
    parser.add_argument("--config", type=Path, help="settings as JSON, see Settings in sandbox/wechat/world.py")
    return parser.parse_args()


if __name__ == "__main__":
    main()
