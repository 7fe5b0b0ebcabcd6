"""Programs that are not ours take a simulated fingerprint module for a real one: pyfingerprint, Adafruit's library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import adafruit_fingerprint as theirs
import pytest
import serial
from adafruit_fingerprint import Adafruit_Fingerprint
from pyfingerprint.pyfingerprint import PyFingerprint

from tests.simulator.processes import running

PATIENCE_S = 10


def until(answer: int, ask: Callable[[], int]) -> None:
    """As their example programs wait for a finger, and for none."""
    ends_s = time.monotonic() + PATIENCE_S
    while ask() != answer:
        assert time.monotonic() < ends_s


def test_pyfingerprint_enrols_searches_and_deletes(tmp_path: Path) -> None:
    link = tmp_path / "uart3"
    options = ("--option", "templates=7,42", "--option", "finger=9", "--option", "password=C0FFEE11")
    with running("device", "zfm-finger-reader", "--link", link, *options):
        assert not PyFingerprint(str(link), 57600).verifyPassword()
        module = PyFingerprint(str(link), 57600, 0xFFFFFFFF, 0xC0FFEE11)
        assert module.verifyPassword()
        assert (module.getTemplateCount(), module.getStorageCapacity(), module.getSecurityLevel()) == (2, 1000, 3)
        assert [number for number, used in enumerate(module.getTemplateIndex(0)) if used] == [7, 42]

        # Their example_enroll.py and example_search.py.
        assert module.readImage()
        module.convertImage(0x01)
        assert module.searchTemplate() == (-1, -1)
        assert module.readImage()
        module.convertImage(0x02)
        assert module.compareCharacteristics() > 0
        module.createTemplate()
        assert module.storeTemplate() == 0
        position, score = module.searchTemplate()
        assert (position, score >= 50, module.getTemplateCount()) == (0, True, 3)

        # example_downloadimage's smaller sister: a template out of it, and in again.
        template = module.downloadCharacteristics(0x01)
        assert len(template) == 512
        assert module.deleteTemplate(0)
        assert module.searchTemplate()[0] == -1
        assert module.uploadCharacteristics(0x02, template)
        assert module.storeTemplate(300, 0x02) == 300
        assert [number for number, used in enumerate(module.getTemplateIndex(1)) if used] == [44]
        assert module.loadTemplate(300, 0x01)
        assert module.searchTemplate()[0] == 300
        with pytest.raises(Exception, match="could not be read"):
            module.loadTemplate(5)

        assert module.setAddress(0x00000001)
        assert module.setPassword(0)
        module.setSecurityLevel(5)
        module.setMaxPacketSize(64)
        assert (module.getSecurityLevel(), module.getMaxPacketSize()) == (5, 64)
        assert module.downloadCharacteristics(0x01) == template
        assert 0 <= module.generateRandomNumber() < 1 << 32
        assert module.clearDatabase()
        assert module.getTemplateCount() == 0


def test_pyfingerprint_is_not_understood_at_another_rate(tmp_path: Path) -> None:
    link = tmp_path / "uart3"
    with running("device", "zfm-finger-reader", "--link", link, "--option", "baud=115200"):
        with serial.Serial(str(link), 57600, timeout=0.3) as port, pytest.raises(RuntimeError, match="Failed to read"):
            Adafruit_Fingerprint(port)
        module = PyFingerprint(str(link), 115200)
        assert module.verifyPassword()
        module.setBaudRate(57600)
        assert PyFingerprint(str(link), 57600).verifyPassword()


@contextmanager
def adafruit(link: Path) -> Iterator[Adafruit_Fingerprint]:
    with serial.Serial(str(link), 57600, timeout=1) as port:
        yield Adafruit_Fingerprint(port)


def test_adafruits_library_enrols_searches_and_deletes(tmp_path: Path) -> None:
    link = tmp_path / "uart3"
    options = ("--option", "family=r503", "--option", "templates=7", "--option", "finger=9", "--option", "touch_ms=400")
    with running("device", "zfm-finger-reader", "--link", link, *options), adafruit(link) as module:
        assert (module.library_size, module.baudrate, module.system_id) == (200, 6, 9)
        assert module.check_module()

        # enroll_finger() of their example.
        until(theirs.OK, module.get_image)
        assert module.image_2_tz(1) == theirs.OK
        until(theirs.NOFINGER, module.get_image)
        assert module.image_2_tz(2) == theirs.INVALIDIMAGE
        until(theirs.OK, module.get_image)
        assert module.image_2_tz(2) == theirs.OK
        assert module.create_model() == theirs.OK
        assert module.store_model(42) == theirs.OK
        assert module.store_model(200) == theirs.BADLOCATION

        # get_fingerprint().
        until(theirs.OK, module.get_image)
        assert module.image_2_tz(1) == theirs.OK
        assert module.set_led(color=2, mode=2, speed=0x80, cycles=2) == theirs.OK
        assert module.finger_search() == theirs.OK
        assert module.finger_id == 42
        assert module.confidence >= 50
        assert module.read_templates() == theirs.OK
        assert module.templates == [7, 42]

        template = module.get_fpdata("char", 1)
        assert module.delete_model(42) == theirs.OK
        assert module.finger_search() == theirs.NOTFOUND
        assert module.send_fpdata(template, "char", 2)
        assert module.store_model(3, 2) == theirs.OK
        assert module.finger_search() == theirs.OK
        assert module.finger_id == 3
        assert module.load_model(5) == theirs.DBRANGEFAIL
        module.soft_reset()
        assert module.verify_password() == theirs.OK
        assert module.empty_library() == theirs.OK
        assert module.count_templates() == theirs.OK
        assert module.template_count == 0


def test_adafruits_library_searches_fast_where_the_module_does(tmp_path: Path) -> None:
    link = tmp_path / "uart3"
    options = ("--option", "family=zfm", "--option", "templates=7,42", "--option", "finger=42")
    with running("device", "zfm-finger-reader", "--link", link, *options), adafruit(link) as module:
        assert module.get_image() == theirs.OK
        assert module.image_2_tz(1) == theirs.OK
        assert module.finger_fast_search() == theirs.OK
        assert module.finger_id == 42


def test_a_template_that_is_cut_short_is_what_they_cannot_bear(tmp_path: Path) -> None:
    link = tmp_path / "uart3"
    options = ("--option", "family=r503", "--option", "finger=9", "--fault", "cut-short")
    with running("device", "zfm-finger-reader", "--link", link, *options), adafruit(link) as module:
        module._uart.timeout = 0.3
        assert module.get_image() == theirs.OK
        assert module.image_2_tz(1) == theirs.OK
        with pytest.raises(RuntimeError, match="Failed to read data"):
            module.get_fpdata("char", 1)
