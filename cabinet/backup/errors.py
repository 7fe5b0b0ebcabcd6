"""What is wrong with a backup."""

from __future__ import annotations


class BackupRefused(ValueError):
    """A backup, or the key to it, is not what it has to be: the text says what and where. Nothing was changed."""
