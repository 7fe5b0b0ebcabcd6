"""Guided by coverage: inputs that reach new branches of a decoder are kept and changed further.

`python -m tests.fuzz.guided modbus --seconds 60`, with atheris (`pip install -e '.[fuzz]'`). It looks for what
tests/fuzz/hunt.py looks for; the first input that shows it ends the run with code 77. That one and those that were kept
stand in run/fuzz/, and the next run begins with them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.fuzz.hunt import Target

LONGEST: Final = 512
KEPT: Final = Path("run/fuzz")
INSTRUMENTED: Final = ("drivers", "hal", "cabinet", "sync")


def try_one(target: Target, data: bytes) -> None:
    """Raises AssertionError for an input that shows a mistake."""
    from tests.fuzz.hunt import Tally, try_message, try_stream
    from tests.fuzz.streams import StreamTarget

    tally = Tally(target.name)
    if isinstance(target, StreamTarget):
        try_stream(target, data, Random(data), tally)
    else:
        try_message(target, data, tally)
    assert not tally.failures, tally.failures


def good(target: Target) -> bytes:
    from tests.fuzz.streams import StreamTarget

    random = Random(1)
    return target.frame(random)[0] if isinstance(target, StreamTarget) else target.good(random)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description="Fuzzes one decoder by coverage.")
    parser.add_argument("name", metavar="NAME", help="of a decoder, as `python -m tests.fuzz` prints it")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="default 60")
    chosen = parser.parse_args()
    try:
        import atheris
    except ImportError:
        print("atheris is missing: pip install -e '.[fuzz]'", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from tests.fuzz.__main__ import TARGETS
    target = next((one for one in TARGETS if one.name == chosen.name), None)
    if target is None:
        parser.error(f"no decoder {chosen.name!r}; there are: {', '.join(one.name for one in TARGETS)}")
    corpus = KEPT / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "good").write_bytes(good(target))
    limits = [f"-max_total_time={chosen.seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={KEPT}/"]
    atheris.Setup([sys.argv[0], str(corpus), *limits], lambda data: try_one(target, data))
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
