"""The phases of a release. Until the last but one, the live versions serve all traffic but a canary's share.

    laid      the new versions stand beside the live ones; every alias is where it was
    checked   the new version imports everything, opens the shop with the real settings, reads, and answers a request
    canary    a share of the API's requests goes to it for some minutes, while alarms watch
    live      every alias points to it, schedules and streams too; what the old versions need is still there
    settled   what only the old versions needed is taken away

Each is one update of the stack and can be repeated: a release that stopped anywhere is begun again by the same command.
What fails before `settled` is taken back to the release before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploy.release import check, plan
from deploy.release.functions import CheckFailed
from deploy.release.guard import moves_tables, setting
from deploy.release.parts import Account
from deploy.release.plan import Mark, Template
from deploy.release.records import Release
from deploy.release.stack import NotApplied, Overtaken, Stuck, Watched
from deploy.release.watch import Unreachable, WrongAnswer
from deploy.stage import Stage
from deploy.template import answering, keeping, shift

UNWATCHED = Watched()


class Ringing(Exception):
    """An alarm rings while the new version is tried."""


class ReleaseFailed(Exception):
    """Says in which phase, why, and what is live now."""


FAILURES = (NotApplied, CheckFailed, Ringing, WrongAnswer)
"""After these the release is taken back. After anything else nothing is known, and the next run finds out."""


@dataclass(frozen=True)
class Candidate:
    """What is to go live: a finished template whose bundle is in the bucket."""

    template: Template
    parameters: Mapping[str, str]
    sha256: str
    commit: str
    canary: bool = True
    of: int = 0
    """The release that this one brings back."""


@dataclass(frozen=True)
class Start:
    """What there is before the release."""

    deployed: Template | None
    mark: Mark
    live: dict[str, str]
    """Numbers of the live versions, by the function's logical id."""


@dataclass
class Rollout:
    stage: Stage
    account: Account
    alarms: tuple[str, ...] = ()
    """Logical ids of those that take a release back."""
    despite: frozenset[str] = frozenset()
    """Names of alarms that may ring."""
    say: Callable[[str], None] = print
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    pause: Callable[[float], None] = time.sleep
    phase: str = "begun"
    """The last one that was begun: for whoever interrupts."""
    _left: Template | None = None
    """The stack as it was left by the last step: if it is not so any more, somebody else deploys."""
    _new: Candidate | None = None
    _laid: Template | None = None

    def run(self, new: Candidate) -> int:
        """Returns the number of the release that is live now: a new one, or the old one if nothing differs.

        Raises ReleaseFailed, Overtaken, Stuck.
        """
        start = self._start()
        try:
            if start.deployed is not None and plan.plain(start.deployed) == plan.plain(new.template):
                self._same(start, new)
                return start.mark.live
            return self._forward(start, new)
        except FAILURES as error:
            raise ReleaseFailed(f"{self.phase}: {error}\n{self._back(start)}") from error

    def _start(self) -> Start:
        deployed = self._left = self.account.stack.template()
        mark = plan.mark_of(deployed)
        if deployed is None or (mark.phase and not mark.live):
            return Start(deployed, mark, {})
        names = plan.functions(deployed)
        numbers = self.account.functions.live(names.values())
        return Start(deployed, mark, {key: numbers[name] for key, name in names.items() if name in numbers})

    def _same(self, start: Start, new: Candidate) -> None:
        self.say("Nothing to do: this bundle and template are live. Asking the shop:")
        self._check(new.template)
        self._greet(start, new)

    def _forward(self, start: Start, new: Candidate) -> int:
        self._quiet(new)
        if start.deployed:
            self._prune(start.deployed)
        laid = self._laid = shift(new.template, start.live, 0, start.deployed)
        self._new = new
        if laid == new.template:
            return self._around(start, new)
        self._apply("laid", laid, start.mark.live, new, UNWATCHED)
        self._check(new.template)
        watched = self._watched(new) if self._tries_some(start, laid, new) else UNWATCHED
        if watched.minutes and plan.takes_weights(new.template, self.stage):
            share = shift(new.template, start.live, self.stage.options.canary_percent, self._left)
            self._apply("canary", share, start.mark.live, new, watched)
            self._quiet(new)
        with self._numbered(start, new) as number:
            self._apply("live", plan.arrived(laid, new.template), number, new, watched)
            self._greet(start, new)
            if not (start.deployed and moves_tables(start.deployed, new.template)):
                self._quiet(new)  # whoever paid since is in the tables of today: no alarm may lead back to others
        self._settle(new, number)
        return number

    def _around(self, start: Start, new: Candidate) -> int:
        """A release that leaves every version as it is: alarms, the edge, the dashboard. One step."""
        with self._numbered(start, new) as number:
            self._apply("settled", new.template, number, new, UNWATCHED)
            self._check(new.template)
            self._greet(start, new)
        self.say(f"Release {number} is live.")
        return number

    @contextmanager
    def _numbered(self, start: Start, new: Candidate) -> Iterator[int]:
        """The release's record, which goes again if the release fails."""
        number = self._keep(start, new)
        try:
            yield number
        except FAILURES:
            if number != start.mark.live:
                self.account.records.forget(number)
            raise

    def _settle(self, new: Candidate, number: int) -> None:
        """It is live already: what fails here is told and takes nothing back."""
        try:
            self._apply("settled", new.template, number, new, UNWATCHED)
        except NotApplied as error:
            self.say(f"Release {number} is live, but what it no longer needs stays: {error}. `make deploy` again.")
            return
        self._prune(new.template)
        self.say(f"Release {number} is live.")

    def _tries_some(self, start: Start, laid: Template, new: Candidate) -> bool:
        """Whether there is an old version to share the traffic with, and new code that may run beside it."""
        asked = new.canary and self.stage.options.canary_minutes > 0
        if not (asked and start.deployed and start.live):
            return False
        return plan.api_moves(laid, new.template, self.stage) and not moves_tables(start.deployed, new.template)

    def _apply(self, phase: str, template: Template, live: int, new: Candidate, watched: Watched) -> None:
        self._demand_alone()
        self.phase = phase
        self.say(f"{phase}: {plan.meaning(phase, self.stage.options.canary_percent, watched.minutes)}")
        changed = self.account.stack.apply(plan.marked(template, Mark(phase, live)), new.parameters, watched)
        if not changed:
            self.say("  nothing to change")
        self._left = self.account.stack.template()

    def _demand_alone(self) -> None:
        """Raises Overtaken."""
        if self.account.stack.template() != self._left:
            raise Overtaken

    def _check(self, template: Template) -> None:
        """The new versions, by their numbers: nobody else reaches them yet. Raises CheckFailed, WrongAnswer."""
        self._demand_alone()
        self.phase = "checked"
        facts = check.passed(self.account, self.stage, template, self.pause)
        self.say(f"checked: the new version imports everything, opens the shop, reads and answers ({facts})")

    def _watched(self, new: Candidate) -> Watched:
        arns = plan.alarm_arns(self._alarms(new), self.stage, self.account.number)
        return Watched(arns, self.stage.options.canary_minutes)

    def _alarms(self, new: Candidate) -> dict[str, str]:
        """Of one that is brought back none: it is brought back because they ring."""
        found = {} if new.of else plan.alarms(new.template, self.alarms)
        return {name: kind for name, kind in found.items() if name not in self.despite}

    def _quiet(self, new: Candidate) -> None:
        """Raises Ringing."""
        if rings := self.account.watch.ringing(self._alarms(new)):
            raise Ringing(f"{', '.join(rings)} rings. If the release is to mend that: the same with DESPITE={rings[0]}")

    def _greet(self, start: Start, new: Candidate) -> None:
        """One request or two from outside, the way that shoppers and WeChat take. Raises WrongAnswer, but for a new
        address: DNS leads to it, and in China the filing is noted for it, once it is there.
        """
        if plan.closed(new.template):
            self.say("  is closed to everybody, and was not asked (requests_per_second 0)")
            return
        former, now = (setting(each, "JISHI_PUBLIC_URL") for each in (start.deployed or new.template, new.template))
        outputs = self.account.stack.outputs()
        try:
            self.account.watch.greet(outputs["ApiUrl"])
            self.say(f"  answers at its public address {outputs['ApiUrl']}")
        except (Unreachable, WrongAnswer) as error:
            if isinstance(error, WrongAnswer) and start.mark.live and former == now:
                raise
            self.say(f"  {error}. The release stays; see `make doctor`. {plan.cname(outputs)}".rstrip())

    def _keep(self, start: Start, new: Candidate) -> int:
        """Before it goes live, so that whatever is live has its record."""
        records = self.account.records
        known = records.get(start.mark.live)
        if known and (known.template, known.parameters) == (new.template, dict(new.parameters)):
            return known.number  # a run before this one died after it went live
        brought = records.get(new.of)
        numbers = records.numbers()
        for never_live in (each for each in numbers if each > start.mark.live):
            records.forget(never_live)  # its run died before CloudFormation was asked, or was taken back
        number = max((0, *numbers)) + 1
        records.keep(
            Release(
                number, self.clock().isoformat(timespec="seconds"), new.sha256, new.commit, self.account.caller,
                previous=brought.previous if brought else start.mark.live, of=new.of, template=new.template,
                parameters=dict(new.parameters),
            )
        )  # fmt: skip
        return number

    def _prune(self, template: Template) -> None:
        """Versions that failed or are long past."""
        held: dict[str, set[str]] = {}
        numbers = self.account.stack.versions()
        for key, found in template["Resources"].items():
            if found["Type"] == "AWS::Lambda::Version" and key in numbers:
                function = template["Resources"][found["Properties"]["FunctionName"]["Ref"]]
                held.setdefault(function["Properties"]["FunctionName"], set()).add(numbers[key])
        if gone := self.account.functions.prune(plan.functions(template).values(), held):
            self.say(f"  {gone} old versions deleted")

    def _back(self, start: Start) -> str:
        """Put the release before in force again; returns what is live now."""
        now = self.account.stack.template()
        home = self.account.records.get(start.mark.live)
        if now is None or home is None:
            return "Nothing was live before, and nothing is now. Mend it and run `make deploy` again."
        old = Candidate(as_before(home.template, now), home.parameters, home.sha256, home.commit)
        self._left = now
        try:
            self._return(now, old, home.number)
        except (NotApplied, Stuck, Overtaken) as error:
            return f"On the way back: {error}\nRelease {home.number} is live; `make deploy` again when that is mended."
        return f"Release {home.number} is live, as before."

    def _return(self, now: Template, old: Candidate, number: int) -> None:
        """Traffic first, all else after: what still runs of the new version keeps its rights until it has ended."""
        if self._laid and plan.mark_of(now).phase in ("canary", "live"):
            self._apply("back", self._laid, number, self._new or old, UNWATCHED)
            now = self._left or now
        if plan.plain(now) != plan.plain(old.template):
            self._apply("settled", old.template, number, old, UNWATCHED)


def brought_back(release: Release, deployed: Template) -> Candidate:
    """An earlier release as a candidate: its code, the tables of today, no canary, since there is a fire."""
    template = as_before(release.template, deployed)
    of = release.of or release.number
    return Candidate(template, release.parameters, release.sha256, release.commit, canary=False, of=of)


def as_before(template: Template, deployed: Template) -> Template:
    """The template of an earlier release, without taking away what holds data or what callbacks may go to."""
    return answering(plan.with_tables(keeping(template, deployed), deployed), deployed)
