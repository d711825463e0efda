"""What tokens cost, by the same file of prices that instrumented applications read (`VENOM_OTEL_PRICES`)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from venom_otel.errors import SettingsError
from venom_otel.instrumentation.pricing import PriceTable

if TYPE_CHECKING:
    from pathlib import Path

logger: Final = logging.getLogger("venom_otel")


class Prices:
    """A file of prices, read anew when it has changed. One that cannot be used costs the prices, and nothing else.

    Args:
        path: the file; its form is that of `PriceTable`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._table: PriceTable | None = None
        self.problem = ""
        """Why there are no prices, in words; empty where there are. Of the last `table()`."""

    def table(self) -> PriceTable | None:
        """The prices as the file has them now; None where it cannot be used, for which `problem` has the words."""
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            self._table, self.problem = None, ""
            try:
                self._table = PriceTable.load(self._path)
            except SettingsError as error:
                self.problem = str(error)
                logger.warning("venom_otel: %s Costs are left out until it is mended.", error)
        return self._table

    def _look(self) -> tuple[int, ...]:
        """What differs when the file does."""
        try:
            found = self._path.stat()
        except OSError as error:
            return (error.errno or 0,)
        return found.st_ino, found.st_size, found.st_mtime_ns
