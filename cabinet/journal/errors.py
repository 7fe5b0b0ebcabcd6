"""Errors by reaction: what the caller does next is in the type, what a person does next in `hint`."""

from __future__ import annotations


class LeafRefused(ValueError):
    """An entry or its bytes break the limits of the format; the text names what. Nothing was written."""


class BatchTooLarge(LeafRefused):
    """The entries do not fit into one transaction; its first `fits` do. Nothing was written."""

    def __init__(self, hint: str, fits: int) -> None:
        super().__init__(hint)
        self.fits = fits


class NoteRefused(ValueError):
    """A signed note, checkpoint or verifier key is malformed, or not signed by the key that was asked for."""


class KeyRevoked(NoteRefused):
    """The key that signed it was revoked, from a smaller size on."""


class ExportRefused(ValueError):
    """A file of an export, or a receipt, is not what was exported; `file` names it."""

    def __init__(self, file: str, hint: str) -> None:
        super().__init__(f"{file}: {hint}")
        self.file = file
        self.hint = hint


class ProofRefused(ValueError):
    """A proof does not connect what it claims to connect."""


class JournalError(Exception):
    """Something about the file; `hint` says what to do about it."""

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.hint = hint


class JournalUnwritable(JournalError, OSError):
    """The disk did not take it (full, read-only, failing): grants are refused until an append succeeds."""


class JournalOvertaken(JournalUnwritable):
    """A transaction that was reported as failed is durable after all: memory is behind the disk.

    Nothing more is appended through this handle. The daemon starts afresh and loads its state from the file.
    """


class JournalBusy(JournalError):
    """Another process holds the writer's lock."""


class JournalDamaged(JournalError):
    """The file is not a journal that this key signed. It stays; the next epoch is opened beside it."""


class JournalLost(JournalDamaged):
    """The file of the newest epoch is gone."""


class JournalTooNew(JournalError):
    """A newer version of the program wrote it: nothing is damaged, and nothing is begun in its place."""


class JournalCut(JournalDamaged):
    """The file ends before leaves that were durable."""


class JournalForeign(JournalDamaged):
    """Its newest checkpoint is signed by another key than ours."""


class JournalUnreadable(JournalError, OSError):
    """The file cannot be read: another user's, or the disk fails."""


class JournalMissing(JournalError):
    """There is no journal in the folder."""
