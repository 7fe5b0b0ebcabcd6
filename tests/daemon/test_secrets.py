"""After a visit with everything personal in it, none of that stands anywhere; and the daemon has no network."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cabinet.roster.records import Records
from cabinet.roster.tables import open_engine
from cabinet.vault.device_key import open_or_create
from tests.daemon.harness import Cabinet
from tests.daemon.people import NOBODYS_CARD, SEVERIN, Somebody

KEYS = ("device.key", "signing.key")
NEW = Somebody("88112233", "Wilhelmina Walkin", ("0012345678",), "60417295")


@pytest.fixture(scope="module")
def after_a_visit(template: Path) -> Iterator[Cabinet]:
    """A person added while it runs, cards known and unknown, a PIN typed, a kill."""
    with Cabinet(state=template) as cabinet:
        cabinet.mark()
        cabinet.change("person.put", person={"id": NEW.id, "name": NEW.name, "cards": list(NEW.cards)})
        cabinet.change("pin.set", person=NEW.id, pin=NEW.pin)
        cabinet.badge(NEW.cards[0])
        cabinet.world("press *")  # or whoever comes next would wait
        cabinet.badge(NOBODYS_CARD)
        cabinet.badge(SEVERIN.cards[0])
        cabinet.screen("PIN, then #")
        cabinet.world(f"press {SEVERIN.pin}#")
        cabinet.take(6)
        cabinet.restart()
        cabinet.put_back(6)
        yield cabinet


def test_the_search_finds_what_is_there(after_a_visit: Cabinet) -> None:
    """A search that finds nothing might not search."""
    secrets = sorted(known_secrets(after_a_visit))
    for number, secret in enumerate(secrets):
        (after_a_visit.state / "planted").write_bytes(b"x" * number + secret)
        assert ("planted", secret) in found(after_a_visit, [secret])
    (after_a_visit.state / "planted").unlink()


def test_no_socket_but_its_own_unix_ones(after_a_visit: Cabinet) -> None:
    assert after_a_visit.process is not None
    own = set()
    for link in Path(f"/proc/{after_a_visit.process.pid}/fd").iterdir():
        if match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(link)):
            own.add(match[1])
    unix = {line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines()[1:]}
    assert own
    assert own <= unix


def test_no_secret_and_no_name_is_left_anywhere(after_a_visit: Cabinet) -> None:
    secrets = sorted(known_secrets(after_a_visit))
    assert len(secrets) > 50
    assert found(after_a_visit, secrets) == []
    assert after_a_visit.end() == 0
    assert found(after_a_visit, secrets) == []


def known_secrets(cabinet: Cabinet) -> set[bytes]:
    """All that must not be found, in every spelling a program might use."""
    keys = open_or_create(cabinet.state, journal_exists=True)
    engine = open_engine(cabinet.state / "roster.db")
    with engine.connect() as connection:
        people = [(record.key, record.name) for record in Records(connection, keys).all()]
    engine.dispose()
    assert {SEVERIN.name, NEW.name} <= {name for _, name in people}
    raw = [key for key, _ in people] + [bytes.fromhex((cabinet.state / name).read_text()) for name in KEYS]
    texts = [name for _, name in people] + [SEVERIN.pin, SEVERIN.id, NEW.pin, NEW.id]
    for card in (*SEVERIN.cards, *NEW.cards, NOBODYS_CARD):
        texts.append(card)
        raw.append(b"\x01" + int(card).to_bytes(4, "big"))
    spelt = {text.encode() for text in texts} | {text.encode("utf-16-le") for text in texts}
    for value in raw:
        spelt |= {value, value.hex().encode(), value.hex().upper().encode(), base64.b64encode(value).rstrip(b"=")}
    return spelt


def found(cabinet: Cabinet, secrets: list[bytes]) -> list[tuple[str, bytes]]:
    """Which file holds which; the key files hold their own."""
    files = [path for path in cabinet.folder.rglob("*") if path.is_file() and path.name not in KEYS]
    contents = {path.name: path.read_bytes() for path in files}
    assert contents.keys() >= {"cabinetd.log", "journal-1.db", "roster.db"}
    return [(name, secret) for name, content in contents.items() for secret in secrets if secret in content]
