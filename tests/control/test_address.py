from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.control import address
from cabinet.control.address import AddressError, socket_path, state_dir


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "cabinet.toml"
    file.write_text('[cabinet]\nsite = "demo"\nsocket_dir = "sockets"\n')
    return file


@pytest.fixture
def no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    default = tmp_path / "etc" / "cabinet.toml"
    default.parent.mkdir()
    monkeypatch.setattr(address, "DEFAULT_CONFIG", default)
    return default


def test_a_socket_is_taken_as_it_is(config: Path) -> None:
    assert socket_path("service", "x/y.sock", str(config), {}) == Path("x/y.sock")


def test_a_configuration_names_its_sockets_beside_itself(config: Path) -> None:
    assert socket_path("service", None, str(config), {}) == config.parent / "sockets" / "service.sock"
    assert socket_path("uplink", None, str(config), {}) == config.parent / "sockets" / "uplink.sock"


def test_without_socket_dir_it_is_the_default(config: Path) -> None:
    config.write_text("[visit]\nidle_s = 30\n")
    assert socket_path("service", None, str(config), {}) == Path("/run/cabinet/service.sock")


def test_conf_d_overrides_in_order_of_name(config: Path) -> None:
    parts = config.parent / "conf.d"
    parts.mkdir()
    (parts / "20-b.toml").write_text('[cabinet]\nsocket_dir = "/b"\n')
    (parts / "10-a.toml").write_text('[cabinet]\nsocket_dir = "/a"\n')
    (parts / "30-c.txt").write_text("not read")
    assert socket_path("service", None, str(config), {}) == Path("/b/service.sock")


def test_the_environment_overrides(config: Path, no_default: Path) -> None:
    environment = {"CABINET_CABINET__SOCKET_DIR": "/e"}
    assert socket_path("service", None, str(config), environment) == Path("/e/service.sock")
    assert socket_path("service", None, None, environment) == Path("/e/service.sock")


def test_the_databases_are_found_the_same_way(config: Path) -> None:
    assert state_dir(str(config), {}) == Path("/var/lib/cabinet")
    config.write_text('[cabinet]\nstate_dir = "state"\n')
    assert state_dir(str(config), {}) == config.parent / "state"
    assert state_dir(str(config), {"CABINET_CABINET__STATE_DIR": "/s"}) == Path("/s")


@pytest.mark.usefixtures("no_default")
def test_without_anything_it_is_the_default() -> None:
    assert socket_path("service", None, None, {}) == Path("/run/cabinet/service.sock")


def test_the_default_configuration_counts_when_it_can_be_read(no_default: Path) -> None:
    no_default.write_text('[cabinet]\nsocket_dir = "/d"\n')
    assert socket_path("service", None, None, {}) == Path("/d/service.sock")
    no_default.write_text("not TOML")
    assert socket_path("service", None, None, {}) == Path("/run/cabinet/service.sock")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"not TOML", "config check"),
        (b"[cabinet]\nsocket_dir = 7\n", "must be a text"),
        (b"\xff\xfe", "config check"),
        (None, "check --config"),
    ],
)
def test_a_configuration_that_was_asked_for_must_be_usable(tmp_path: Path, text: bytes | None, why: str) -> None:
    file = tmp_path / "cabinet.toml"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(AddressError, match=why):
        socket_path("service", None, str(file), {})


def test_an_odd_table_of_that_name_is_not_our_matter(config: Path) -> None:
    config.write_text("cabinet = 7\n")
    assert socket_path("service", None, str(config), {}) == Path("/run/cabinet/service.sock")
