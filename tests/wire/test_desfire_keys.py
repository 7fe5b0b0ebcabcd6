from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.desfire import Application, Refusal, Session, Talk, prove
from drivers.wire.desfire_keys import FACTORY, Look, change_key, changed, look, personalise
from simulator.secure_card import Kind, SecureCard
from tests.wire.test_desfire import EV1, EV2, NTAG, PAIRS, SITE_KEY, UID, draw, issued, with_card

AN12196 = Session(
    "ev2",
    0,
    bytes.fromhex("4CF3CB41A22583A61E89B158D252FC53"),
    bytes.fromhex("5529860B2FC5FB6154B7F28361D30BF9"),
    bytes.fromhex("7614281A"),
)
OTHER_SITE = bytes(range(16))


def test_an12196_table_25_another_key() -> None:
    sent = change_key(AN12196, 2, bytes.fromhex("F3847D627727ED3BC9C4CC050489B966"), FACTORY, counter=2)
    assert sent.hex().upper() == (
        "90C4000029022CF362B7BF4311FF3BE1DAA295E8C68DE09050560D19B9E16C2393AE9CD1FAC75D0CE20BCD1D06E600"
    )
    assert changed(AN12196, 2, sent, bytes.fromhex("203BB55D1089D5879100"), counter=2) is None
    forged = changed(AN12196, 2, sent, bytes.fromhex("203BB55D1089D5869100"), counter=2)
    assert forged is not None
    assert forged.cause == "forged"


def test_an12196_table_26_its_own_key() -> None:
    sent = change_key(AN12196, 0, bytes.fromhex("5004BF991F408672B1EF00F08F9E8647"), FACTORY, counter=3)
    assert sent.hex().upper() == (
        "90C400002900C0EB4DEEFEDDF0B513A03A95A75491818580503190D4D05053FF75668A01D6FDA6610234BDED643200"
    )
    assert changed(AN12196, 0, sent, bytes.fromhex("9100"), counter=3) is None


@pytest.mark.parametrize(
    ("session", "new", "sealed"),
    [
        (
            "F44B26F5C05DDD7110772281C4D066E8",
            "00102030405060708090A0B0B0A09080",
            "E9F85E219496C2B58C1090DC3935FAE9E840CF61B383D9531946256B1F110C10",
        ),
        (
            "C2A1E47B27104712FE6D00A71177A19B",
            "10182028303840485058606870788088",
            "2945E3760E60F4A4046BB8A505B31CF559A3A2E05213BC82942CA6AB5DBCECF5",
        ),
    ],
)
def test_a_real_ev1_gets_another_master_key(session: str, new: str, sealed: str) -> None:
    """As logged with a real card (codeproject 1096861, DESFire EV1 communication examples), key version 10."""
    sent = change_key(Session("ev1-aes", 0, bytes.fromhex(session)), 0, bytes.fromhex(new), FACTORY, version=0x10)
    assert sent.hex().upper() == f"90C400002100{sealed}00"


def test_a_real_ev1_gets_another_key_and_confirms_it() -> None:
    session = Session("ev1-aes", 0, bytes.fromhex("C2A1E47BD8100044FE6D00A74D7AB17C"))
    sent = change_key(session, 1, bytes.fromhex("00102030405060708090A0B0B0A09080"), FACTORY, version=0x10)
    assert sent.hex().upper() == ("90C400002101E7ECCB6BD1CA64BC161A12B1C024F71430337408C8A87EACAB7A1FF18951FCA300")
    assert changed(session, 1, sent, bytes.fromhex("2128D3CD9C9ACFFF9100")) is None


@pytest.mark.parametrize(("kind", "application"), PAIRS)
def test_a_new_card_becomes_ours(kind: Kind, application: Application) -> None:
    card = SecureCard(UID, kind)
    first = with_card(look(application, SITE_KEY, UID, draw), card)
    assert first.state == ("unfinished" if kind == "ntag424" else "new")
    assert with_card(personalise(application, SITE_KEY, UID, draw), card) is None
    assert with_card(look(application, SITE_KEY, UID, draw), card) == Look("ours")
    card.activated()
    for number in range(application.number + 1):
        one = replace(application, number=number)
        assert isinstance(with_card(prove(one, application.key(SITE_KEY, UID, number), draw), card), Session)
        assert isinstance(with_card(prove(one, FACTORY, draw), card), Refusal), "no key is left as made"


@pytest.mark.parametrize(("kind", "application"), PAIRS)
def test_a_card_of_another_site_is_left_alone(kind: Kind, application: Application) -> None:
    card = issued(kind, application)
    assert with_card(look(application, OTHER_SITE, UID, draw), card).state == "foreign"
    refused = with_card(personalise(application, OTHER_SITE, UID, draw), card)
    assert refused is not None
    assert isinstance(with_card(prove(application, application.key(SITE_KEY, UID), draw), card), Session)


@pytest.mark.parametrize(
    ("kind", "application", "hint"),
    [
        ("desfire-ev1", EV2, "before EV2"),
        ("desfire-ev2", NTAG, "not an NTAG 424"),
        ("ntag424", EV1, "not a DESFire card"),
    ],
)
def test_another_kind_of_card_is_left_alone(kind: Kind, application: Application, hint: str) -> None:
    card = SecureCard(UID, kind)
    found = with_card(look(application, SITE_KEY, UID, draw), card)
    assert found.state == "foreign"
    assert hint in found.hint
    assert isinstance(with_card(personalise(application, SITE_KEY, UID, draw), card), Refusal)


@pytest.mark.parametrize(("kind", "application"), PAIRS)
def test_taken_away_anywhere_it_is_finished_the_next_time(kind: Kind, application: Application) -> None:
    """And never counts as ours while key 0 is as made."""
    for cut in range(1, 60):
        card = SecureCard(UID, kind)
        talk = personalise(application, SITE_KEY, UID, draw)
        apdu = next(talk)
        done = False
        for _ in range(cut):
            try:
                apdu = talk.send(card.apdu(apdu))
            except StopIteration:
                done = True
                break
        card.activated()
        assert with_card(look(application, SITE_KEY, UID, draw), card).state in ("new", "unfinished", "ours")
        card.activated()
        assert with_card(personalise(application, SITE_KEY, UID, draw), card) is None
        if done:
            return
    raise AssertionError("it never comes to an end")


def ended(talk: Talk[object], replies: list[bytes]) -> object:
    """What it found in these answers."""
    try:
        for reply in replies:
            talk.send(reply)
    except StopIteration as end:
        return end.value
    return "goes on"


@given(replies=st.lists(st.binary(max_size=70), min_size=4, max_size=4))
def test_no_answer_raises(replies: list[bytes]) -> None:
    for application in (EV1, EV2, NTAG):
        talk = personalise(application, SITE_KEY, UID, draw)
        next(talk)
        found = ended(talk, replies)
        assert found == "goes on" or isinstance(found, Refusal)
