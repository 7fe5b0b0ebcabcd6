"""Programs that are not ours open a simulated PN532 and read its card: Adafruit's library, nfcpy, libnfc."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nfc
import nfc.clf.pn532
import nfc.clf.transport
import nfc.tag.tt4
import pytest
import serial
from adafruit_pn532.uart import PN532_UART

from tests.simulator.processes import LineClient, running

CLASSIC, OTHERS = bytes.fromhex("11223344"), bytes.fromhex("04A1B2C3D4E580")
CABINET = """
[cabinet]
site = "demo"
id = "lobby-01"

[[link]]
id = "uart2"
type = "serial"
port = "links/uart2"
baud = 115200

[[device]]
id = "nfc-reader"
type = "pn532-reader"
link = "uart2"
"""


def test_adafruits_library_reads_and_writes_a_mifare_classic(tmp_path: Path) -> None:
    link = tmp_path / "uart2"
    with (
        running("device", "pn532-reader", "--link", link, "--option", "uid=11223344"),
        serial.Serial(str(link), 115200, timeout=0.1) as port,
    ):
        reader = PN532_UART(port)
        assert reader.firmware_version == (0x32, 1, 6, 7)
        reader.SAM_configuration()
        assert reader.read_passive_target(timeout=1) == CLASSIC
        assert not reader.mifare_classic_authenticate_block(CLASSIC, 4, 0x60, bytes(6))
        assert reader.read_passive_target(timeout=1) == CLASSIC
        assert reader.mifare_classic_authenticate_block(CLASSIC, 4, 0x60, b"\xff" * 6)
        assert reader.mifare_classic_write_block(4, bytes(range(16)))
        assert reader.mifare_classic_read_block(4) == bytes(range(16))
        assert reader.power_down()
        assert reader.firmware_version == (0x32, 1, 6, 7)


class Patient(nfc.clf.transport.TTY):
    """Waits longer than 0.1 s for a twin that shares its processor with other tests."""

    def read(self, timeout: float) -> bytearray:
        return super().read(max(timeout, 5_000))


@contextmanager
def opened(link: Path) -> Iterator[nfc.ContactlessFrontend]:
    """As nfc.ContactlessFrontend(path), which takes ports below /dev alone."""
    device = nfc.clf.pn532.init(Patient(str(link)))
    assert device.chipset_name == "PN532v1.6"
    frontend = nfc.ContactlessFrontend()
    frontend.device = device
    try:
        yield frontend
    finally:
        frontend.close()


def test_nfcpy_speaks_with_a_card_of_iso_14443_4(tmp_path: Path) -> None:
    """Its way there: a frame of 274 bytes, another baud rate, registers, frames of its own to the card, power down."""
    link = tmp_path / "uart2"
    options = ("--option", "uid=04A1B2C3D4E580", "--option", "card=desfire")
    with running("device", "pn532-reader", "--link", link, *options):
        for _ in range(2):
            with opened(link) as frontend:
                target = frontend.sense(nfc.clf.RemoteTarget("106B"), nfc.clf.RemoteTarget("106A"))
                assert (target.sdd_res, target.sel_res) == (OTHERS, b"\x20")
                tag = nfc.tag.activate(frontend, target)
                assert isinstance(tag, nfc.tag.tt4.Type4ATag)
                with pytest.raises(nfc.tag.tt4.Type4TagCommandError) as caught:
                    tag.send_apdu(0x90, 0x60, 0, 0)
                assert caught.value.errno == 0x6D00


libnfc = pytest.mark.skipif(
    not (shutil.which("nfc-list") and shutil.which("nfc-poll")),
    reason="no libnfc here: apt install libnfc-bin libnfc-examples",
)


def of_libnfc(link: Path) -> dict[str, str]:
    return {**os.environ, "LIBNFC_DEVICE": f"pn532_uart:{link}", "LIBNFC_AUTO_SCAN": "false"}


@libnfc
def test_libnfc_lists_the_card_and_dumps_it(tmp_path: Path) -> None:
    link, dump = tmp_path / "uart2", tmp_path / "card"
    with running("device", "pn532-reader", "--link", link, "--option", "uid=04A1B2C3D4E580"):
        told = subprocess.run(["nfc-list"], env=of_libnfc(link), capture_output=True, text=True, timeout=20, check=True)
        assert "1 ISO14443A passive target(s) found" in told.stdout
        assert "UID (NFCID1): 04  a1  b2  c3  d4  e5  80" in told.stdout
        told = subprocess.run(
            ["nfc-mfultralight", "r", dump], env=of_libnfc(link), capture_output=True, text=True, timeout=20, check=True
        )
        assert "16 of 16 pages read (0 pages failed)" in told.stdout
        assert dump.read_bytes()[:8] == bytes.fromhex("04A1B29FC3D4E580")


@libnfc
def test_libnfc_sees_a_card_come_and_go(tmp_path: Path) -> None:
    config = tmp_path / "cabinet.toml"
    config.write_text(CABINET)
    with (
        running("cabinet", "--config", config, "--run-dir", tmp_path / "run"),
        LineClient(tmp_path / "run" / "world.sock") as world,
        subprocess.Popen(
            ["stdbuf", "-oL", "nfc-poll"],
            env=of_libnfc(tmp_path / "run" / "links" / "uart2"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as poll,
    ):
        assert poll.stdout is not None
        try:
            told = iter(poll.stdout.readline, "")
            assert any("will poll" in line for line in told)
            assert world.ask("present card 0006547886") == "error: an NFC card has 4, 7 or 10 bytes, this one 5"
            assert world.ask("present card 11:22:33:44") == "ok"
            assert any("UID (NFCID1): 11  22  33  44" in line for line in told)
            assert world.ask("remove card") == "ok"
            assert poll.wait(20) == 0
        finally:
            poll.kill()
