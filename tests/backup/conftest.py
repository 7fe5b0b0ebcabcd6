from __future__ import annotations

from tests.journal.conftest import seventy, written

__all__ = ["seventy", "written"]
