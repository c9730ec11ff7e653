"""What the sandbox remembers: JSON documents by kind and id, in SQLite, so that a restart forgets nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Doc = dict[str, Any]
_PAGE = 200

_TABLE = """
CREATE TABLE IF NOT EXISTS docs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id)
)"""


class State:
    """A store of documents, safe under threads. Without a path it lives in memory.

    A document that is read is a copy: nothing is kept until it is `put`. Read-then-put needs `transaction()`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(_TABLE)
        self._db.execute("CREATE INDEX IF NOT EXISTS by_age ON docs (kind, seq)")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else in between. May be nested."""
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._db.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._db.execute("COMMIT")
            finally:
                self._depth -= 1

    def get(self, kind: str, id: str) -> Doc | None:
        with self._lock:
            row = self._db.execute("SELECT body FROM docs WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, id: str, doc: Doc) -> None:
        with self._lock:
            self._db.execute(
                "INSERT INTO docs (kind, id, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                (kind, id, json.dumps(doc, ensure_ascii=False)),
            )

    def remove(self, kind: str, id: str) -> None:
        with self._lock:
            self._db.execute("DELETE FROM docs WHERE kind = ? AND id = ?", (kind, id))

    def every(self, kind: str) -> list[Doc]:
        """All documents of a kind, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT body FROM docs WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
        return [json.loads(row[0]) for row in rows]

    def each(self, kind: str) -> Iterator[Doc]:
        """The same a page at a time, for kinds that may be many; what is put meanwhile may or may not come."""
        query = "SELECT body, seq FROM docs WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = [("", 0)]
        while rows:
            with self._lock:
                rows = self._db.execute(query, (kind, rows[-1][1], _PAGE)).fetchall()
            yield from (json.loads(body) for body, _ in rows)

    def keep_last(self, kind: str, count: int) -> None:
        """Forget all but the newest `count` documents of a kind."""
        with self._lock:
            self._db.execute(
                "DELETE FROM docs WHERE kind = ? AND seq <="
                " (SELECT seq FROM docs WHERE kind = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (kind, kind, count),
            )

    def close(self) -> None:
        with self._lock:
            self._db.close()
