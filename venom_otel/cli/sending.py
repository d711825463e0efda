"""Where `up` sends what it says of itself, beside its own store: by OTLP, to where the standard variables say, and only if they do.

A collector between this program and its backends returns a copy of everything, and the variables may lead straight back here. The receiver
knows what is this program's own by its `service.instance.id`.
"""

from __future__ import annotations

import logging
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel.instrumentation.sdk import attachment, environment

if TYPE_CHECKING:
    from pathlib import Path

    from venom_otel.instrumentation.sdk.attachment import Attachment
    from venom_otel.instrumentation.sdk.environment import Destination, Signal

FILE: Final = "instance"
"""Its name in the data directory."""
_FORM: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_log: Final = logging.getLogger(__name__)


def instance(data_dir: Path) -> str:
    """The `service.instance.id` of the `up` with this data directory: made once and kept, so that its series go on after a restart.

    Where it cannot be kept, as on a full disk, it holds for this run.
    """
    path = data_dir / FILE
    made = str(uuid.uuid4())
    try:
        kept = path.read_text(encoding="ascii", errors="replace").strip() if path.exists() else ""
        if _FORM.fullmatch(kept):
            return kept
        path.write_text(made + "\n", encoding="ascii")
    except OSError as error:
        _log.warning("%s cannot be kept (%s): metrics begin new series after a restart.", path, error.strerror)
    return made


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """All places but this program.

    Args:
        host: the address that its receiver listens on.
        ports: its receiver's.
    """

    host: str
    ports: frozenset[int]

    def metrics(self, interval_s: float) -> Attachment:
        """What sends metrics there, not started.

        Args:
            interval_s: seconds between two exports, unless the environment says otherwise.
        """
        return attachment.metrics_from_environment(interval_s, self._is_meant)

    def everything(self, interval_s: float) -> Attachment:
        """What sends spans, log records and metrics there, not started; `interval_s` as above."""
        return attachment.from_environment(interval_s=interval_s, wanted=self._is_meant)

    def _is_meant(self, signal: Signal, destination: Destination) -> bool:
        address = destination.address
        if environment.sdk_disabled() or address is None or not environment.endpoint(signal):
            return False
        return address.port not in self.ports or not (address.is_loopback or address.host == self.host)
