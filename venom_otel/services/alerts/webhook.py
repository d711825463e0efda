"""Sends alerts to an HTTP address, for those who have no Alertmanager or Grafana.

The body is Alertmanager's (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), so that whatever takes its webhooks
takes these. With a secret it is signed as Standard Webhooks 1.0 says (https://www.standardwebhooks.com). An alert is told when it begins,
when it comes back, and when it ends, and no more often; one that ended before anybody was told is not told at all. What was not taken is
tried again, longer and longer apart, always as things are by then: an address that was away for a day gets one request and no flood.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import logging
import random
import secrets
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
from opentelemetry.instrumentation.utils import suppress_instrumentation

from venom_otel.errors import SettingsError
from venom_otel.services.alerts.model import AlertKind, summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.alerts.watch import Alerts
    from venom_otel.settings import CockpitSettings

GROUP_S: Final = 1.0
"""What changes within this goes into one request."""
TIMEOUT_S: Final = 10.0
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0
MAX_ALERTS: Final = 100
"""In one request; the others follow in the next."""
FIRING: Final = "firing"
RESOLVED: Final = "resolved"
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of secrets, as Standard Webhooks has it
_TRY_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_NO_END: Final = "0001-01-01T00:00:00Z"
"""How Alertmanager says that an alert has not ended."""
_NS: Final = 1_000_000_000

logger: Final = logging.getLogger("venom_otel")


class Webhook:
    """One address that alerts are sent to.

    Args:
        url: where to.
        secret: signs what is sent; with the prefix `whsec_` it is base64, as Standard Webhooks has it, else it is taken as it is. Empty for
            none.
        page: the cockpit's own address, for links.
        first_pause_s: how long after the first failure it is tried again.
        group_s: how long changes are gathered.

    Raises:
        SettingsError: the address or the secret cannot be used.
    """

    def __init__(self, url: str, secret: str = "", *, page: str, first_pause_s: float = FIRST_PAUSE_S, group_s: float = GROUP_S) -> None:
        self._url = _checked(url)
        self._key = _key(secret)
        self._page = page.rstrip("/")
        self._first_pause_s = first_pause_s
        self._group_s = group_s
        self._told: dict[str, str] = {}
        """What was said last of each alert."""

    @classmethod
    def from_settings(cls, settings: CockpitSettings, *, page: str) -> Webhook | None:
        """The one that the settings name, or None.

        Raises:
            SettingsError: as above.
        """
        if settings.webhook_url is None or not settings.webhook_url.get_secret_value():
            return None
        secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret is not None else ""
        return cls(settings.webhook_url.get_secret_value(), secret, page=page)

    async def follow(self, alerts: Alerts) -> None:
        """Send what changes, beginning with what is active; runs until it is cancelled, or until waiting for changes was ended."""
        pause_s = 0.0
        with alerts.changes() as changes:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client:
                heard = asyncio.create_task(anext(changes, None))
                try:
                    while True:
                        news = self._news(alerts.all())
                        if not news:
                            if await asyncio.shield(heard) is None:
                                return
                            heard = asyncio.create_task(anext(changes, None))
                            await asyncio.sleep(self._group_s)
                            continue
                        wait_s = await self._send(client, news)
                        pause_s = 0.0 if wait_s is None else max(wait_s, min(LONGEST_PAUSE_S, 2 * pause_s or self._first_pause_s))
                        await asyncio.sleep(pause_s * (1 + random.random() / 4) if pause_s else 0)  # noqa: S311 - so that not all come at once
                finally:
                    heard.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await heard

    def _news(self, alerts: Sequence[Alert]) -> Sequence[tuple[Alert, str]]:
        """What has not been told yet."""
        self._told = {alert.id: self._told[alert.id] for alert in alerts if alert.id in self._told}
        states = ((alert, FIRING if alert.active else RESOLVED) for alert in alerts)
        return [(alert, state) for alert, state in states if state != self._told.get(alert.id, RESOLVED)][:MAX_ALERTS]

    async def _send(self, client: httpx.AsyncClient, news: Sequence[tuple[Alert, str]]) -> float | None:
        """Send once.

        Returns:
            None where it was taken, or never will be; else the seconds that the other side asks to wait, 0 where it does not say.
        """
        body = json.dumps(_payload(news, self._page), ensure_ascii=False).encode()
        try:
            with suppress_instrumentation():
                reply = await client.post(self._url, content=body, headers=self._headers(body))
        except httpx.HTTPError as error:
            logger.warning("venom_otel: the alert webhook at %s cannot be reached (%s); trying again", self._host, type(error).__name__)
            return 0.0
        if reply.status_code in _TRY_AGAIN or reply.is_server_error:
            logger.warning("venom_otel: the alert webhook at %s answers %d; trying again", self._host, reply.status_code)
            return _asked_for(reply)
        if not reply.is_success:
            logger.error(
                "venom_otel: the alert webhook at %s refuses (%d): %d alerts are not sent. Correct VENOM_OTEL_WEBHOOK_URL, "
                "or what answers there.",
                self._host,
                reply.status_code,
                len(news),
            )
        self._told |= {alert.id: state for alert, state in news}
        return None

    def _headers(self, body: bytes) -> Mapping[str, str]:
        headers = {"content-type": "application/json", "user-agent": "venom-otel"}
        if not self._key:
            return headers
        message, at = f"msg_{secrets.token_hex(12)}", str(int(time.time()))
        signature = hmac.digest(self._key, b".".join([message.encode(), at.encode(), body]), hashlib.sha256)
        signed = {"webhook-id": message, "webhook-timestamp": at, "webhook-signature": f"v1,{base64.b64encode(signature).decode()}"}
        return headers | signed

    @property
    def _host(self) -> str:
        """All of the address that may be shown: webhooks carry their keys in the path."""
        return httpx.URL(self._url).host


def _payload(news: Sequence[tuple[Alert, str]], page: str) -> dict[str, Any]:
    alerts = [_alert(alert, state, page) for alert, state in news]
    labels = [each["labels"] for each in alerts]
    return {
        "version": "4",
        "groupKey": '{}:{receiver="venom-otel"}',
        "truncatedAlerts": 0,
        "status": FIRING if any(state == FIRING for _, state in news) else RESOLVED,
        "receiver": "venom-otel",
        "groupLabels": {},
        "commonLabels": {name: value for name, value in labels[0].items() if all(each.get(name) == value for each in labels)},
        "commonAnnotations": {},
        "externalURL": page,
        "alerts": alerts,
    }


def _alert(alert: Alert, state: str, page: str) -> dict[str, Any]:
    newest, subject = alert.newest, alert.subject
    labels = {
        "alertname": str(subject.kind),
        "severity": "warning" if subject.kind is AlertKind.FALLBACK else "critical",
        "llm_provider": newest.provider,
        "llm_model": subject.model,
        "llm_endpoint": subject.endpoint,
        "llm_error_kind": subject.error_kind,
    }
    annotations = {
        "summary": summary(alert),
        "description": newest.words,
        "count": str(alert.count),
        "trace_id": newest.trace_id,
        "resolution": alert.resolution or "",
    }
    return {
        "status": state,
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": _time(alert.first_ns),
        "endsAt": _NO_END if alert.resolved_ns is None else _time(alert.resolved_ns),
        "generatorURL": f"{page}/requests/{newest.request_id}" if newest.request_id else page,
        "fingerprint": subject.fingerprint,
    }


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / _NS, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _asked_for(reply: httpx.Response) -> float:
    """Seconds, by `Retry-After` in either form; at most as long as the longest pause."""
    value = reply.headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return min(max(float(value), 0.0), LONGEST_PAUSE_S)
    with contextlib.suppress(ValueError):
        return min(max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0), LONGEST_PAUSE_S)
    return 0.0


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise SettingsError("VENOM_OTEL_WEBHOOK_URL is no address; it must look like https://hooks.example.com/alerts.")
    return url


def _key(secret: str) -> bytes:
    if not secret.startswith(_SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise SettingsError("VENOM_OTEL_WEBHOOK_SECRET: what follows whsec_ must be base64.") from None
