"""The roster of one cabinet: roster.db with the keys to it. Every call blocks on the disk."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DatabaseError, IntegrityError

from cabinet.policy.rights import Pseudonym, Rights
from cabinet.roster import disclosure, erasure, listing, versions
from cabinet.roster.changes import Change, RosterRefused
from cabinet.roster.draft import NOBODY, Author, Plan, stamped
from cabinet.roster.listing import Page
from cabinet.roster.records import (
    CustomerRecord,
    PersonRecord,
    Records,
    card_digest,
    code_digest,
    customer_record,
)
from cabinet.roster.snapshot import read_rights
from cabinet.roster.tables import CUSTOMER, ITEM, PIN, RosterUnusable, open_engine, writing
from cabinet.roster.writes import Writes, digest_of, read_meta, write_digest
from cabinet.vault import person_key
from cabinet.vault.box import SealError
from cabinet.vault.device_key import DeviceKeys, Random
from cabinet.vault.pin import PinCheck, PinCost

_HELD_MAX: Final = 256


class RosterDiskError(OSError):
    """roster.db cannot be read or written now; what stands in it is as it was."""


class Roster:
    """Open it with Roster.open(), close it with close(). May be used from any thread; plans and commits come one
    at a time, and other calls beside them see the roster as it was before or after."""

    version: int
    """Grows by one with each change; 0 is the empty roster."""
    digest: str
    """HMAC-SHA256 in hex over all that stands in roster.db, keyed by the device key."""
    pins: PinCheck

    def __init__(
        self,
        engine: Engine,
        place: str,
        keys: DeviceKeys,
        site: str,
        first_pin_cost: Callable[[], PinCost],
        slots: Collection[int] | None,
        random: Random,
    ) -> None:
        """As open(), in a database that tables.prepare() has prepared; `place` is for people."""
        self._engine = engine
        self._keys = keys
        self._site = site
        self._slots = slots
        self._random = random
        self._first_pin_cost = first_pin_cost
        self._pin_cost: PinCost | None = None
        self.pins = PinCheck(keys.pin_pepper, self._cost, random)
        self._held: dict[Pseudonym, PersonRecord | None] = {}
        self._customer_records: Mapping[Pseudonym, CustomerRecord] | None = None
        self._ids: listing.Ids | None = None
        self._doubtful = False
        """Something failed since the last write that did not."""
        self._load(place)

    @classmethod
    def open(
        cls,
        path: Path,
        keys: DeviceKeys,
        site: str,
        *,
        first_pin_cost: Callable[[], PinCost],
        slots: Collection[int] | None = None,
        random: Random = os.urandom,
    ) -> Roster:
        """Opens or creates roster.db and checks that nobody else has written to it.

        `first_pin_cost` is asked once, before the first PIN is made or checked, and its answer is stored with the
        first PIN. `slots` are those items may have; None: any. The caller holds the lock of the state folder.
        Raises RosterUnusable, RosterDiskError, OSError."""
        with _disk_errors():
            engine = open_engine(path)
        try:
            return cls(engine, str(path), keys, site, first_pin_cost, slots, random)
        except BaseException:
            engine.dispose()
            raise

    def close(self) -> None:
        self._engine.dispose()

    def snapshot(self, zone: tzinfo) -> Rights:
        """What the core decides on; days of activity begin and end in `zone`."""
        with _uncollected(), self._reading() as connection:
            return read_rights(connection, self._keys, int(read_meta(connection)["version"]), zone)

    def key_of(self, person: Pseudonym) -> bytes | None:
        """The own key of a person, a customer or the house; None once they are erased or were never here."""
        record = self._person(person)
        if record is not None:
            return record.key
        if person == self.house:
            return self._keys.house
        customer = self._customer(person)
        return customer.key if customer else None

    def name_of(self, person: Pseudonym) -> str | None:
        """Of a person or a customer."""
        record = self._person(person) or self._customer(person)
        return record.name if record else None

    @property
    def house(self) -> Pseudonym:
        """Under whom that is sealed which concerns neither a person nor a customer."""
        return person_key.pseudonym(self._keys.house, self._site)

    def customer_named(self, customer: Pseudonym) -> str | None:
        """The id of a customer."""
        record = self._customer(customer)
        return record.id if record else None

    def customer_pseudonym(self, customer: str) -> Pseudonym | None:
        """As people have one; of the customer with this id."""
        return next((one for one, record in self._customers().items() if record.id == customer), None)

    def customer_of(self, item: str) -> str | None:
        """The id of whom the item belongs to."""
        with self._reading() as connection:
            return connection.execute(select(ITEM.c.customer).where(ITEM.c.id == item)).scalar()

    def id_of(self, person: Pseudonym) -> str | None:
        record = self._person(person)
        return record.id if record else None

    def called(self, person: Pseudonym) -> str:
        """What to call somebody who stands in the journal: their id, or the label that is left of who was erased."""
        return self.id_of(person) or person

    def pseudonym_of(self, person_id: str) -> Pseudonym | None:
        """Of the person with this id."""
        with self._reading() as connection:
            record = Records(connection, self._keys).by_id(person_id)
        return record.pseudonym if record else None

    def card_digest(self, card: bytes) -> bytes:
        """The key of Rights.cards for this card number. Does not touch the disk."""
        return card_digest(self._keys, card)

    def code_digest(self, digits: str) -> str:
        """What stands for a one-time code. Does not touch the disk."""
        return code_digest(self._keys, digits)

    def pin_record(self, person: Pseudonym) -> bytes | None:
        """For pins.check(); None if no PIN is set."""
        with self._reading() as connection:
            return connection.execute(select(PIN.c.record).where(PIN.c.pseudonym == person)).scalar()

    def plan(self, change: Change, author: Author = NOBODY) -> Plan:
        """Works a change out against what is here now, to the digest it will have; writes nothing.

        Setting a PIN also costs one PIN hash. Raises RosterRefused with every problem, RosterDiskError."""
        from cabinet.roster.planning import Planner  # with all that reads files: for changes only, which are rare

        with _uncollected(), self._writing() as connection, connection.begin() as transaction:
            draft = Planner(
                connection, self._keys, self._site, self._random, self.pins, self._slots, author.at_ms
            ).draft(change)
            if not draft.leaves:
                transaction.rollback()
                return Plan(self.version, self.digest, (), {}, ("nothing changes",), Writes(), self.version)
            version = self.version + 1
            draft.writes.meta = self._meta(version, with_cost=bool(draft.writes.pins))
            if draft.undo:
                draft.writes.version = [versions.row_of(version, author, draft)]
            draft.writes.apply(connection)
            digest = digest_of(connection, self._keys.roster_digest)
            transaction.rollback()
        leaves = tuple(stamped(leaf, version, digest) for leaf in draft.leaves)
        return Plan(
            version,
            digest,
            leaves,
            draft.keys,
            tuple(draft.summary or draft.lines),
            draft.writes,
            self.version,
            tuple(draft.lines),
            draft.left_out,
        )

    def commit(self, plan: Plan) -> None:
        """Writes a plan in one transaction, whole or not at all. Its leaves are in the journal by now.

        Raises RosterRefused if the roster has changed since it was planned, RosterDiskError."""
        with self._writing() as connection:
            if plan.base != self.version:
                raise RosterRefused(["the roster has changed meanwhile; try again"])
            if plan.version == self.version:
                return
            with connection.begin():
                plan.writes.apply(connection)
                write_digest(connection, plan.digest)
        plan.writes.forget()
        self.version, self.digest = plan.version, plan.digest
        self._forget_held()

    def stands(self, plan: Plan) -> bool:
        """After a commit that failed: whether it is written all the same, for good. Raises RosterDiskError."""
        with self._writing():
            return self.digest == plan.digest

    def erase(self, people: Collection[Pseudonym]) -> None:
        """Deletes these persons and customers with their keys, and leaves nothing of them in the files: a new version,
        unless none of them is here. Doing it once more is harmless, and ends what a cut has left unfinished.

        Raises RosterDiskError: they may be gone from the roster, and still be found in its files."""
        with self._writing() as connection, connection.begin():
            gone = erasure.delete_rows(connection, self._keys, self._site, people)
            if gone:
                Writes(meta=self._meta(self.version + 1, with_cost=False)).apply(connection)
                digest = digest_of(connection, self._keys.roster_digest)
                write_digest(connection, digest)
        if gone:
            self.version, self.digest = self.version + 1, digest
            self._forget_held()
        with self._trusted():
            erasure.scrub(self._engine)

    def people(self, after: str | None, limit: int) -> Page:
        """{"people": [...], "next": id or None}, by id; `limit` at most 200."""
        with self._reading() as connection:
            if self._ids is None:
                self._ids = sorted((p.id, p.pseudonym) for p in Records(connection, self._keys).all())
            return listing.people(connection, self._keys, self._ids, after, limit)

    def items(self, after: str | None, limit: int) -> Page:
        with self._reading() as connection:
            return listing.items(connection, after, limit)

    def rights(self, after: str | None, limit: int) -> Page:
        with self._reading() as connection:
            return listing.rights(connection, self._keys, after, limit)

    def credentials(self, after: str | None, limit: int) -> Page:
        with self._reading() as connection:
            return listing.credentials(connection, self._keys, after, limit)

    def customers(self, after: str | None, limit: int) -> Page:
        with self._reading() as connection:
            return listing.customers(connection, self._keys, after, limit)

    def held_on(self, person: Pseudonym) -> dict[str, object] | None:
        """Everything, for the person themselves. None: they are not here."""
        with self._reading() as connection:
            return disclosure.held_on(connection, self._keys, person)

    def export(self) -> dict[str, str]:
        """The roster as files that an import reads: name and text of each."""
        from cabinet.roster.export import export

        with _uncollected(), self._reading() as connection:
            return export(connection, self._keys)

    def image(self) -> tuple[int, str, bytes]:
        """Version, digest and bytes of roster.db, of one moment; as an SQLite file would hold them."""
        with self._reading() as connection:
            meta = read_meta(connection)
            return int(meta["version"]), meta["digest"], _raw(connection).serialize()

    def versions(self) -> list[dict[str, object]]:
        """Of the policy, newest first."""
        with self._reading() as connection:
            return versions.listed(connection, Records(connection, self._keys))

    def _load(self, place: str) -> None:
        with self._writing() as connection, connection.begin():
            meta = read_meta(connection)
            if "digest" not in meta:
                Writes(meta=self._meta(0, with_cost=False)).apply(connection)
                write_digest(connection, digest_of(connection, self._keys.roster_digest))
                meta = read_meta(connection)
            digest = digest_of(connection, self._keys.roster_digest)
        if digest != meta["digest"]:
            raise RosterUnusable(
                f"{place}: does not fit device.key, or was changed by another hand; "
                "restore roster.db and device.key from the same backup"
            )
        if meta["site"] != self._site:
            raise RosterUnusable(
                f"{place}: made for site {meta['site']!r}, the configuration says {self._site!r}; people would get "
                "other pseudonyms, so set the site back or begin with a new state folder"
            )
        self.version, self.digest = int(meta["version"]), meta["digest"]
        if "pin_iterations" in meta:
            self._pin_cost = PinCost(int(meta["pin_iterations"]), int(meta["pin_memory_kib"]))

    def _forget_held(self) -> None:
        self._held = {}
        self._customer_records = None
        self._ids = None

    def _meta(self, version: int, *, with_cost: bool) -> dict[str, str]:
        meta = {"version": str(version), "site": self._site}
        if with_cost:
            cost = self._cost()
            meta |= {"pin_iterations": str(cost.iterations), "pin_memory_kib": str(cost.memory_kib)}
        return meta

    def _cost(self) -> PinCost:
        if self._pin_cost is None:
            self._pin_cost = self._first_pin_cost()
        return self._pin_cost

    def _person(self, person: Pseudonym) -> PersonRecord | None:
        held = self._held  # A commit meanwhile starts a new one: what is read now goes into the old.
        if person not in held:
            with self._reading() as connection:
                record = Records(connection, self._keys).by_pseudonym(person)
            if len(held) >= _HELD_MAX:
                held.clear()
            held[person] = record
            return record
        return held[person]

    def _customer(self, customer: Pseudonym) -> CustomerRecord | None:
        return self._customers().get(customer)

    def _customers(self) -> Mapping[Pseudonym, CustomerRecord]:
        found = self._customer_records
        if found is None:
            with self._reading() as connection:
                records = [customer_record(self._keys, row) for row in connection.execute(select(CUSTOMER)).mappings()]
            found = {person_key.pseudonym(record.key, self._site): record for record in records}
            self._customer_records = found
        return found

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._trusted(), self._engine.connect() as connection:
            if self._doubtful:
                self._look_again(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._trusted(), writing(self._engine).connect() as connection:
            if self._doubtful:
                erasure.end_log(self._engine)
                self._look_again(connection)
                self._doubtful = False
            yield connection

    @contextmanager
    def _trusted(self) -> Iterator[None]:
        """A connection that has met an error of the disk is not used again, and what stands in the file is looked up:
        a commit that failed may be there all the same."""
        try:
            with _disk_errors():
                yield
        except RosterDiskError:
            self._engine.dispose()
            self._doubtful = True
            raise

    def _look_again(self, connection: Connection) -> None:
        with connection.begin():
            meta = read_meta(connection)
        if meta["digest"] != self.digest:
            self.version, self.digest = int(meta["version"]), meta["digest"]
            self._forget_held()


def _raw(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A large roster is a million objects without a circle: to look for one takes as long as to make them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # Our own mistake: plans are checked before they are written.
    except DatabaseError as error:
        raise RosterDiskError(f"roster.db: {error.orig}; {_remedy(error.orig)}") from None
    except sqlite3.Error as error:
        raise RosterDiskError(f"roster.db: {error}; {_remedy(error)}") from None
    except SealError as error:
        raise RosterDiskError(f"roster.db: {error}; restore it with device.key from a backup") from None


def _remedy(error: BaseException | None) -> str:
    """Nothing is begun in the place of a roster that is broken: people and rights stand there alone."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "it is damaged: restore a backup with cabinetctl backup restore"
    return "check the disk, then try again"
