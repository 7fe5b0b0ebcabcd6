"""The commands beside the service, as a person or a script uses them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cabinet.journal import note
from cabinet.journal.export import verify_export
from sync.collector.app import main
from sync.collector.key import open_or_create
from tests.sync.collector.making import CABINET, COSIGNER, SIGNER, Collector, Log, made_log

LOG = made_log(40)
CONFIG = """
[collector]
name = "collector.demo/one"
client_id = "collector-one"

[broker]
host = "localhost"
port = 1883
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose key is that of the tests."""
    file = tmp_path / "collector.toml"
    file.write_text(CONFIG)
    key = tmp_path / "collector.key"
    key.write_text(bytes(range(1, 33)).hex())
    key.chmod(0o600)
    return file


@pytest.fixture
def filled(config: Path) -> Path:
    """The same, with 30 leaves of one cabinet, 10 of another, a gap, a fork and some junk."""
    collector = Collector(config.parent)
    collector.take(LOG.batch(0, 30, pruned=[3, 4]), LOG.batch(35, 40), b"junk")
    collector.take(made_log(20, tag="second life").batch(0, 20))
    later = SIGNER.named(f"{CABINET.origin}/e2")
    collector.take(made_log(10, later).batch(0, 10))
    collector.ingest.count()
    collector.close()
    return config


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = main([str(word) for word in arguments])
    said = capsys.readouterr()
    return code, said.out + said.err


def answers(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(one.pop("schema") == 1 for one in found)
    return found


def test_list(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "list", "--config", filled, "--json")
    assert code == 0
    (found,) = answers(text)
    seen = found["origins"][0].pop("seen")
    assert seen.startswith("2026-01-01T00:16:40Z"), "the time of the collector's clock"
    assert found["origins"][0] == {
        "origin": CABINET.origin,
        "size": 30,
        "cosigned": 30,
        "gap": {"from": 30, "to": 35},
        "staged": 1,
        "evidence": {"rollback": 1},
        "orphans": 0,
    }
    assert [(one["origin"], one["size"], one["gap"]) for one in found["origins"][1:]] == [
        (f"{CABINET.origin}/e2", 10, None)
    ]
    assert [(one["origin"], one["kind"], one["detail"], one["n"], one["count"]) for one in found["alarms"]] == [
        (CABINET.origin, "rollback", "", 0, 1),
        (f"{CABINET.origin}/e2", "epoch.opened", "unlinked", 0, 1),
    ]
    assert [one["evidence"] for one in found["alarms"]] == [{"id": 1, "ours": 30, "theirs": 20}, None]
    assert found["dropped"] == {"malformed": 1}


def test_list_for_people(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--config", filled, "list")
    assert code == 0
    assert text.splitlines() == [
        "origin                    size  cosigned  seen                  gap       kept aside",
        "cabinet.demo/lobby-01     30    30        2026-01-01T00:16:40Z  30 to 35  1 rollback",
        "cabinet.demo/lobby-01/e2  10    10        2026-01-01T00:16:40Z  -         -",
        (
            "ALARM rollback cabinet.demo/lobby-01 at index 0, 1 times, first at 2026-01-01T00:16:40Z; "
            "evidence 1: signed by it at size 30 and at size 20"
        ),
        "ALARM epoch.opened (unlinked) cabinet.demo/lobby-01/e2 at index 0, 1 times, first at 2026-01-01T00:16:40Z",
        "dropped: 1 malformed",
    ]


def test_verify(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--config", filled, "verify")
    assert code == 0
    assert text.splitlines() == [
        "cabinet.demo/lobby-01: verified: 30 events, 30 cosigned; 2 are pruned to their hash",
        "cabinet.demo/lobby-01/e2: verified: 10 events, 10 cosigned",
    ]


@pytest.mark.parametrize(
    ("change", "failed_at", "rule"),
    [
        ("UPDATE leaf SET bytes = x'00' WHERE n = 7 AND origin = 1", 7, "leaf-hash"),
        ("UPDATE leaf SET hash = zeroblob(32) WHERE n = 3 AND origin = 1", 3, None),
        ("UPDATE leaf SET subtrees = zeroblob(32) WHERE n = 9 AND origin = 1", 9, "subtree"),
        ("DELETE FROM leaf WHERE n = 12 AND origin = 1", 12, "leaf-missing"),
        ("DELETE FROM leaf WHERE n >= 20 AND origin = 1", 20, "leaf-missing"),
        (
            "UPDATE checkpoint SET note = CAST(replace(note, 'T6sr8', 'T6sr9') AS BLOB) WHERE origin = 1",
            30,
            "checkpoint",
        ),
        ("UPDATE pin SET public = zeroblob(32)", 30, "checkpoint"),
        ("UPDATE ack SET note = (SELECT note FROM checkpoint WHERE origin = 1) WHERE origin = 1", 0, "cosignature"),
    ],
)
def test_verify_finds(
    filled: Path, capsys: pytest.CaptureFixture[str], change: str, failed_at: int, rule: str | None
) -> None:
    tamper(filled, change)
    code, text = run(capsys, "--config", filled, "--json", "verify")
    assert code == 13
    found = answers(text)[0]
    assert (found["origin"], found["result"], found["failed_at"]) == (CABINET.origin, "failed", failed_at)
    if rule is not None:
        assert found["rule"] == rule


@pytest.mark.parametrize(("table", "failed_at"), [("checkpoint", 30), ("ack", 29)])
def test_verify_finds_notes_of_another_tree(
    filled: Path, capsys: pytest.CaptureFixture[str], table: str, failed_at: int
) -> None:
    """Both are signed as they should be."""
    signed = note.parse(made_log(30, tag="second life").note(30))
    cosigned = note.Note(signed.text, (*signed.signatures, COSIGNER.cosign(signed.text, 1))).encode()
    tamper(filled, f"UPDATE {table} SET note = x'{cosigned.hex()}' WHERE origin = 1")
    code, text = run(capsys, "--config", filled, "--json", "verify")
    assert code == 13
    found = answers(text)[0]
    assert (found["failed_at"], found["rule"]) == (failed_at, {"ack": "cosignature"}.get(table, table))


def test_verify_finds_an_acknowledgement_of_another_origin(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the same tree, even."""
    signed = note.parse(Log(LOG.leaves, [], SIGNER.named("cabinet.demo/lobby-02")).note(30))
    cosigned = note.Note(signed.text, (*signed.signatures, COSIGNER.cosign(signed.text, 1))).encode()
    tamper(filled, f"UPDATE ack SET note = x'{cosigned.hex()}' WHERE origin = 1")
    code, text = run(capsys, "--config", filled, "verify")
    assert code == 13
    assert f"{CABINET.origin}: failed at index 0 (cosignature)" in text


def tamper(config: Path, statement: str) -> None:
    """As someone with the disk in hand: no triggers."""
    connection = sqlite3.connect(config.parent / "collector.db", isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    connection.close()


def test_verify_of_a_lost_database_that_is_not_filled_again(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collector = Collector(config.parent)
    signed = note.parse(LOG.note(30))
    collector.hear_ack(note.Note(signed.text, (*signed.signatures, COSIGNER.cosign(signed.text, 1))).encode())
    collector.take(LOG.batch(0, 20))
    collector.close()
    code, text = run(capsys, "--config", config, "verify")
    assert code == 3
    assert "30 events were cosigned and 20 are held" in text


def test_export_is_what_anyone_can_check(filled: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    code, text = run(capsys, "--config", filled, "export", folder, "--origin", CABINET.origin, "--json")
    assert code == 0
    assert answers(text) == [{"directory": str(folder), "origin": CABINET.origin, "size": 30}]
    exported = verify_export(folder)
    assert (exported.checkpoint.size, exported.checkpoint.root, exported.pruned) == (30, LOG.root(30), 2)
    assert (folder / "vkey").read_text().splitlines() == [SIGNER.vkey, COSIGNER.vkey]
    assert (folder / "checkpoint").read_text().count("\n— ") == 2


def test_export_refuses(filled: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, text = run(capsys, "--config", filled, "export", tmp_path / "out")
    assert code == 2
    assert f"--origin O; there are: {CABINET.origin}, {CABINET.origin}/e2" in text
    code, text = run(capsys, "--config", filled, "export", tmp_path / "out", "--origin", "cabinet.demo/nobody")
    assert code == 10
    assert not (tmp_path / "out").exists()
    code, text = run(capsys, "--config", filled, "export", tmp_path, "--origin", CABINET.origin)
    assert code == 2
    assert "is not empty" in text


def test_commands_work_beside_a_running_collector(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = Collector(filled.parent)
    running.take(LOG.batch(30, 35))
    code, text = run(capsys, "--config", filled, "verify", "--json")
    assert code == 0
    assert answers(text)[0]["size"] == 40
    running.close()


def test_key_is_made_once_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "collector.toml").write_text(CONFIG)
    code, text = run(capsys, "--config", tmp_path / "collector.toml", "key")
    assert code == 0
    assert text.strip() == open_or_create(tmp_path / "collector.key", COSIGNER.name, database_exists=True).vkey
    assert run(capsys, "--config", tmp_path / "collector.toml", "key", "--json") == (
        0,
        json.dumps({"schema": 1, "vkey": text.strip()}) + "\n",
    )


def test_without_a_database(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "verify"):
        code, text = run(capsys, "--config", config, command, "--json")
        assert code == 10
        assert answers(text)[0]["error"]["exit"] == 10
    assert not (config.parent / "collector.db").exists()


def test_a_missing_key_beside_a_database(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (filled.parent / "collector.key").unlink()
    for words in (["verify"], ["key"], []):
        code, text = run(capsys, "--config", filled, *words)
        assert code == 78
        assert "restore it from a backup" in text


def test_every_problem_of_the_configuration_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(
        "[collector]\n"
        'nam = "x"\n'
        'client_id = "collector one"\n'
        "[broker]\n"
        'host = "localhost"\n'
        'ca = "ca.crt"\n'
        "[[cabinet]]\n"
        'site = "Demo"\n'
        'device = "lobby-01"\n'
        f'vkey = "{SIGNER.vkey}"\n'
        "[[cabinet]]\n"
        'site = "demo"\n'
        'device = "lobby-02"\n'
        f'vkey = "{SIGNER.vkey}"\n'
    )
    code, text = run(capsys, "--config", file, "list")
    assert code == 78
    for part in (
        f'{file}:2:1: unknown key "nam"',
        'did you mean "name"?',
        f"{file}:3:1: client_id",
        f"{file}:4:1: only ca: ca, certificate and key are needed",
        f"{file}:8:1: site",
        f"{file}:11:1: vkey is of cabinet.demo/lobby-01; it should be the signing key of cabinet.demo/lobby-02",
    ):
        assert part in text, text
    code, text = run(capsys, "--config", file, "list", "--json")
    assert len(answers(text)[0]["error"]["problems"]) == 6


def test_a_cabinet_that_stands_twice(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = f'[[cabinet]]\nsite = "demo"\ndevice = "lobby-01"\nvkey = "{SIGNER.vkey}"\n'
    config.write_text(CONFIG + row + row)
    code, text = run(capsys, "--config", config, "list")
    assert code == 78
    assert "stands twice for cabinet.demo/lobby-01" in text


def test_usage(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["list"], ["--config", config, "lst"], ["--config", config, "export"]):
        with pytest.raises(SystemExit) as ended:
            run(capsys, *arguments)
        assert ended.value.code == 2
