"""Every release that went live, kept in the bucket: enough to bring it back without the source that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deploy.cloud import Cloud


@dataclass(frozen=True)
class Release:
    number: int
    time: str
    """ISO 8601, UTC."""
    sha256: str
    """Of the bundle."""
    commit: str
    who: str
    """ARN."""
    previous: int
    """The release to go back to: the one that was live before; 0 for the first."""
    of: int
    """The release that this one brought back; 0 for a new one."""
    template: dict[str, Any]
    parameters: Mapping[str, str]

    def __str__(self) -> str:
        made = f"back to {self.of}" if self.of else self.commit
        return f"{self.number:>5}  {self.time}  {self.sha256[:10]}  {made}  {self.who.rpartition('/')[2]}"


class Records:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = f"releases/{cloud.stage.name}/"

    def numbers(self) -> list[int]:
        """Ascending."""
        return sorted(int(key.removeprefix(self._folder).removesuffix(".json")) for key in self._keys())

    def get(self, number: int) -> Release | None:
        found = self._cloud.get(self._key(number)) if number else None
        return Release(**found) if found else None

    def keep(self, release: Release) -> None:
        self._cloud.put(self._key(release.number), asdict(release))

    def forget(self, number: int) -> None:
        """One that was about to go live and did not."""
        self._cloud.forget(self._key(number))

    def _keys(self) -> list[str]:
        return self._cloud.keys(self._folder)

    def _key(self, number: int) -> str:
        return f"{self._folder}{number:06}.json"
