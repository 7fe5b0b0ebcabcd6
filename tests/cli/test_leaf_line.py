from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cabinet.cli.leaf_line import leaf_line

values = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=2)
fields = st.sampled_from(["ts", "ev", "slot", "item", "due", "subs", "reason", "tq"])


def test_digests_are_shortened_and_sentences_are_not() -> None:
    leaf = {
        "ev": "item.granted",
        "ts": 0,
        "digest": "ab" * 32,
        "reason": "the fob was lost, item taken out",
        "curfew": [],
    }
    line = leaf_line(14, leaf)
    assert line.endswith("digest=abababab... reason=the fob was lost, item taken out")


def test_a_pruned_event() -> None:
    assert leaf_line(14, None) == "     14  (pruned)"


@settings(deadline=None)
@example({"ts": " ", "ev": " ", "reason": "two\nlines"})
@given(st.dictionaries(fields, values))
def test_whatever_a_leaf_holds_it_is_one_line(leaf: dict[str, object]) -> None:
    line = leaf_line(3, leaf)
    assert line.startswith("      3")
    assert len(line.splitlines()) == 1
