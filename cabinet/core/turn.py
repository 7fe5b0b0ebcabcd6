"""One step in progress: what its handlers read, and what they yield."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cabinet.core.effects import NAME, Effect, Show, Sound
from cabinet.core.finger_state import readable
from cabinet.core.fold import fold
from cabinet.core.leaves import Field, Leaf, Role, Subject
from cabinet.core.ledger import Ledger, alarm_id
from cabinet.core.messages import text
from cabinet.core.state import State, Visit
from cabinet.policy.rights import Language, Pseudonym, Rights
from cabinet.policy.schedule import is_open
from hal.capabilities import Tone
from hal.clock import Now

LINGER_S = 5.0
_LEAVES_MAX = 16


class Turn:
    """Lives for one step. Handlers change `state` only through `update` and `journal`, so the ledger is always the
    fold of the leaves."""

    def __init__(self, state: State, now: Now, rights: Rights, shown: Now | None = None) -> None:
        """`now` as it is believed, `shown` as the system has it."""
        self.state = state
        self.now = now
        self.shown = shown or now
        self.rights = rights.without(state.ledger.erasures) if state.ledger.erasures else rights
        self.read_fingers()
        self.leaves: list[Leaf] = []
        self.effects: list[Effect] = []

    @property
    def ledger(self) -> Ledger:
        return self.state.ledger

    @property
    def full(self) -> bool:
        """One step carries no more: what else is due stays due, and the next step does it."""
        return len(self.leaves) >= _LEAVES_MAX

    def read_fingers(self) -> None:
        """Whose finger can be told now."""
        self.rights = readable(self.rights, self.state, self.now.wall_ms)

    def journal(self, ev: str, subs: Iterable[Subject] = (), **fields: Field) -> int:
        """Adds a leaf (fields that are None are left out) and folds it; returns its reference."""
        leaf = Leaf(ev, {key: value for key, value in fields.items() if value is not None}, tuple(subs))
        return self.add(leaf)

    def add(self, leaf: Leaf) -> int:
        n = self.state.size
        self.leaves.append(leaf)
        self.update(ledger=fold(self.ledger, n, self.now.wall_ms, leaf), size=n + 1)
        return self.ledger.reference(n)

    def holding(self, person: Pseudonym | None, role: Role = "holder") -> list[Subject]:
        """Them, and who answers for them if they are a visitor; nobody for None."""
        known = self.rights.people.get(person) if person else None
        host = known.host if known and known.host in self.rights.people else None
        return ([Subject(role, person)] if person else []) + ([Subject("host", host)] if host else [])

    def act(self, effect: Effect) -> None:
        """For after the commit. In quiet hours no tone but an alarm."""
        if isinstance(effect, Sound) and effect.tone != "alarm" and self._is_quiet():
            return
        self.effects.append(effect)

    def _is_quiet(self) -> bool:
        """By a clock that somebody vouches for: better a tone at night than none by day."""
        quiet, now = self.state.setup.quiet, self.now
        return quiet is not None and now.wall_time_trusted and is_open(quiet, now.wall_ms, self.rights.zone)

    def update(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def say(self, key: str, tone: Tone | None = None, named: Pseudonym | None = None, **values: object) -> None:
        """Shows a message in the visitor's language, with a tone where it asks for attention. `named` is whose name
        it tells.

        With nobody here it makes way for the greeting after a while."""
        greeting = "idle_monitor" if key == "idle" and self.state.setup.monitors else key
        shown = Show(text(greeting, self.language, name=NAME, **values), named)
        self.act(shown)
        self.update(shown=shown)
        self.linger(0.0 if key == "idle" or self.state.visit else LINGER_S)
        if tone is not None:
            self.act(Sound(tone))

    def linger(self, seconds: float) -> None:
        """What is shown stays that long, then the greeting comes; 0: until something else is shown."""
        greet_mono_s = self.now.mono_s + seconds if seconds else None
        if greet_mono_s != self.state.greet_mono_s:
            self.update(greet_mono_s=greet_mono_s)

    @property
    def language(self) -> Language:
        return self.state.visit.language if self.state.visit else self.state.setup.language

    def stay(self, **changes: Any) -> Visit:
        """Changes the running visit and starts its idle time anew."""
        visit = self.state.visit
        assert visit is not None, "stay() needs a visit"
        visit = replace(visit, idle_mono_s=self.now.mono_s + self.state.setup.idle_s, **changes)
        self.update(visit=visit)
        return visit

    def raise_alarm(
        self,
        code: str,
        *,
        slot: int | None = None,
        item: str | None = None,
        device: str | None = None,
        count: int | None = None,
    ) -> None:
        """Once per place: raising an alarm that stands does nothing."""
        if alarm_id(code, slot, device, item) not in self.ledger.alarms:
            self.journal("alarm.raised", code=code, slot=slot, item=item, device=device, count=count)

    def count_alarm(self, code: str, device: str, count: int) -> None:
        """Stands as long as there are any, and says how many."""
        alarm = self.ledger.alarms.get(alarm_id(code, None, device))
        if alarm is not None and alarm.count != count:
            self.clear_alarm(code, device=device)
        if count:
            self.raise_alarm(code, device=device, count=count)

    def clear_alarms_of(self, item: str, codes: Iterable[str]) -> None:
        """Of these kinds, wherever they were raised."""
        for alarm in [one for one in self.ledger.alarms.values() if one.code in codes and one.item == item]:
            self.clear_alarm(alarm.code, slot=alarm.slot, item=item)

    def clear_alarm(
        self, code: str, *, slot: int | None = None, device: str | None = None, item: str | None = None
    ) -> None:
        alarm = self.ledger.alarms.get(alarm_id(code, slot, device, item))
        if alarm is not None:
            self.journal("alarm.cleared", code=code, slot=slot, item=alarm.item, device=device, raised_n=alarm.n)
