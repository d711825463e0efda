"""What the demo has sent, in one line: asked from the store by the API, as anybody else would."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from venom_otel.cli.client import Client, Query
from venom_otel.services.history import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


def summary(page: str, service: str, *, since: datetime) -> str:
    """One line about the requests of a service.

    Args:
        page: base URL of the cockpit.
        service: `service.name` of the application.
        since: only requests that began then or later.

    Raises:
        CockpitError: the cockpit does not answer.
    """
    requests = list(_requests(page, {"service": service, "since": since.isoformat(), "limit": MAX_LIMIT}))
    statuses = Counter(request["status"] for request in requests)
    failures = Counter(request["error"]["code"] for request in requests if request["status"] == "FAILED" and request["error"])
    providers = Counter(request["llm_provider"] or "unknown" for request in requests)
    failed = f" ({', '.join(f'{code}: {count}' for code, count in sorted(failures.items()))})" if failures else ""
    parts = [
        f"{statuses['COMPLETED']} completed",
        f"{statuses['FAILED']} failed{failed}",
        f"{statuses['CANCELLED']} cancelled",
    ]
    seconds = sum(request["fallback"] is True and request["status"] == "COMPLETED" for request in requests)
    by = ", ".join(f"{provider} {count}" for provider, count in sorted(providers.items()))
    return f"{len(requests)} requests stored: {', '.join(parts)}; asked: {by or 'nobody'}; {seconds} answered by a second server."


def _requests(page: str, query: Query) -> Iterable[dict[str, Any]]:
    with Client(page) as client:
        while True:
            found = client.requests(query)
            yield from found["items"]
            if found["older"] is None:
                return
            query = query | {"before": found["older"]}
