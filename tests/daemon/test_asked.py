"""The real daemon asks before a release and after a return, and keeps a complaint through a kill."""

from __future__ import annotations

import json
from pathlib import Path

from tests.daemon.harness import Cabinet
from tests.daemon.people import ADA

RIGHTS = """
[[right]]
id = "deed"
persons = ["1001"]
items = ["K-0008"]
factors = ["card"]

[[prompt]]
id = "why"
at = "take"
kind = "choice"
ask = "What for?"
ask_zh = "用途？"
choices = [{ en = "Notary", zh = "公证" }, { en = "Copy", zh = "复印" }]
items = ["K-0008"]
required = true

[[prompt]]
id = "whole"
at = "return"
kind = "rating"
ask = "In what state?"
ask_zh = "状况？"
items = ["K-0008"]
"""


def test_questions_and_a_complaint(fresh: Cabinet, tmp_path: Path) -> None:
    cabinet = fresh
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "rights.toml").write_text(RIGHTS)
    imported = cabinet.cabinetctl("roster", "import", str(folder))
    assert imported.returncode == 0, imported.stderr
    explained = cabinet.cabinetctl("right", "explain", ADA.id, "K-0008").stdout
    assert "  asked before: What for?\n" in explained

    cabinet.mark()
    cabinet.badge(cabinet.other_card(ADA))
    cabinet.screen("Slot number")
    cabinet.world("press 8#")
    cabinet.screen("1 Notary, 2 Copy, then #")
    assert cabinet.open_slots() == []
    cabinet.world("press 2#")
    answered = cabinet.until_kind("prompt.answered", prompt="why", answer="Copy")
    assert answered["grant"] == cabinet.until_kind("item.granted", item="K-0008")["n"]
    cabinet.take(8)
    cabinet.put_back(8)
    cabinet.screen("1 poor to 5 good, then #")
    cabinet.world("press 4#")
    cabinet.until_kind("prompt.answered", prompt="whole", answer=4)

    recorded = cabinet.cabinetctl(
        *("incident", "record", "--kind", "complaint", "--item", "K-0008", "--person", ADA.id),
        *("--text", "left on the table", "--json"),
    )
    assert recorded.returncode == 0, recorded.stderr
    n = json.loads(recorded.stdout)["n"]
    cabinet.kill()
    cabinet.start()
    assert cabinet.cabinetctl("item", "find", "K-0008").stdout.endswith(": left on the table\n")
    assert "left on the table" not in json.dumps(cabinet.all_leaves())
    closed = cabinet.cabinetctl("incident", "close", str(n), "--text", "talked to")
    assert closed.stdout.startswith(f"incident {n} closed with leaf ")
    cabinet.world("close door")
