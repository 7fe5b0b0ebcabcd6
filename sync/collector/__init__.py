"""cabinet-collector: holds the journals of a site's cabinets and says so with its signature.

Start reading at intake.py, which says what happens to a batch; service.py is the loop around it."""

from __future__ import annotations


def main() -> int:
    """The console script: runs until it is ended, and returns the exit code."""
    from sync.collector.app import main as run

    return run()
