"""`scenarios`: one a line, name and title."""

from __future__ import annotations

import argparse

from simulator.story import StoryError, names, read_story


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(arguments: argparse.Namespace) -> int:
    try:
        for name in names():
            print(f"{name}: {read_story(name).title}")
    except StoryError as error:
        print(error)
        return 2
    return 0
