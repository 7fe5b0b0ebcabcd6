"""The commands of the simulation: figures, exit codes, and the line that plays a failure again."""

from __future__ import annotations

import re

import pytest

from simulator.__main__ import main
from simulator.harness import simulate
from simulator.harness.mutants.hunt import MUTANTS
from simulator.harness.mutants.planting import planted
from simulator.story import names

BROKEN = next(mutant for mutant in MUTANTS if mutant.name == "slots-not-stored")


def test_run_prints_digest_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--seed", "5", "--hours", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"digest [0-9a-f]{64}", lines[-2])
    assert re.match(
        r"seed 5 level capability hours 2\.\d+ visits \d+ leaves \d+ events \d+ faults \d+ violations 0", lines[-1]
    )


def test_scenarios_lists_names_and_titles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == names()
    assert all(line.partition(": ")[2] for line in lines)


def test_crash_counts_its_points(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crash", "--scenario", "not-trained"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.match(
        r"scenario not-trained seed 1 level capability depth 1 points-1 \d+ runs \d+ violations 0 seconds", last
    )


def test_simulate_plays_a_round_on_each_processor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "CRASHES_A_ROUND", 20)
    monkeypatch.setattr(simulate, "WIRE_HOURS", 0.01)
    assert main(["simulate", "--seed", "3", "--hours", "1"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.match(
        r"seeds 3-\d+ hours \d+ wire-hours [\d.]+ visits \d+ crash points \d+0 crash runs \d+ events \d+ violations 0",
        last,
    )


def test_a_violation_is_explained_and_its_command_shows_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    with planted(BROKEN):
        assert main(["crash", "--scenario", "take-and-return", "--depth", "1"]) == 1
        told = capsys.readouterr().out
        [violated] = set(re.findall(r"^VIOLATED (invariant 4 .*)$", told, re.MULTILINE)[:1])
        report = told[told.index("VIOLATED") :]
        assert re.search(r"^seed 1, level capability, at \d+\.\d{6} s$", report, re.MULTILINE)
        assert report.splitlines()[2] == "the last 30 lines of the trace:"
        replay = re.findall(r"^replay: python -m simulator (.*)$", report, re.MULTILINE)[0]
        assert main(replay.split()) == 1
        again = capsys.readouterr().out
    assert violated in again
    assert main(replay.split()) == 0  # and without the bug it is clean


def test_a_run_of_days_is_explained_likewise(capsys: pytest.CaptureFixture[str]) -> None:
    with planted(next(mutant for mutant in MUTANTS if mutant.name == "overdue-lost")):
        assert main(["run", "--seed", "1", "--hours", "96"]) == 1
        told = capsys.readouterr().out
        assert "replay: python -m simulator run --seed 1 --hours 96\n" in told
        assert told.splitlines()[-1].rpartition("violations ")[2].startswith("1 ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--hours", "0"], "'0' is no number above 0"),
        (["run", "--hours", "soon"], "'soon' is no number above 0"),
        (["run", "--level", "atoms"], "invalid choice: 'atoms'"),
        (["run", "--faults", "gremlins"], "no faults 'gremlins'; there are: all, none, "),
        (["crash"], "the following arguments are required: --scenario"),
        (["crash", "--scenario", "picnic"], "there is no scenario 'picnic'; there are: "),
        (["crash", "--scenario", "refused", "--depth", "9"], "invalid choice: 9"),
        (["crash", "--scenario", "refused", "--at", "noon"], "'noon' is no crash"),
        (["mutants", "moth"], "no planted bug 'moth'; there are: "),
        (["simulate", "--minutes", "-1"], "'-1' is no number above 0"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(arguments)
    except SystemExit as exit_:
        code = int(str(exit_.code))
    told = capsys.readouterr()
    assert code == 2
    assert complaint in told.err + told.out
