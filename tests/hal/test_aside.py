from __future__ import annotations

import os
import time

from hal.aside import Aside, cores


def test_another_process_does_it() -> None:
    aside = Aside(os.path.basename, "/a/b")
    assert aside.result() == "b"
    aside.stop()
    aside = Aside(_parent, None)
    assert aside.result() == os.getpid()
    aside.stop()


def _parent(_: None) -> int:
    return os.getppid()


def test_what_raises_is_lost() -> None:
    aside = Aside(os.listdir, "/nowhere")
    assert aside.result() is None
    aside.stop()


def test_stopped_half_way() -> None:
    aside = Aside(time.sleep, 3600.0)
    aside.stop()
    assert cores() >= 1
