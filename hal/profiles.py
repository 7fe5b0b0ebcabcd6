"""Board profiles: what one make of board understands, as data. In an installed wheel they lie beside this file, in
a checkout in config/profiles."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hal.wording import allowed, did_you_mean, quoted

FOLDERS = (Path(__file__).parent / "profiles", Path(__file__).parent.parent / "config" / "profiles")


def load_profile(name: str) -> dict[str, object]:
    """The tables of the profile, unchecked. Reads the disk. Raises ValueError saying which names there are."""
    known = profile_names()
    if name not in known:
        raise ValueError(f"unknown profile {quoted(name)}, {allowed(known)}{did_you_mean(name, known)}")
    path = next(path for folder in FOLDERS if (path := folder / f"{name}.toml").exists())
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"profile {quoted(name)} cannot be read: {path}: {error}") from error


def profile_names() -> list[str]:
    """In alphabetical order. Reads the disk."""
    return sorted({path.stem for folder in FOLDERS for path in folder.glob("*.toml")})
