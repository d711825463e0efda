"""A Grafana that runs somewhere: what is asked of it, by grafana-client. What goes wrong becomes words that say what to do.

The ways are those of Grafana's HTTP API (https://grafana.com/docs/grafana/latest/developers/http_api/), which Grafana 13 still has.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

import requests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

from venom_otel.errors import GrafanaError, SettingsError
from venom_otel.identity.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

OLDEST: Final = (11, 6)
"""The schema that the dashboards are made in."""
FOLDERS: Final = 1000
"""Most that Grafana lists at once."""
_TIMEOUT_S: Final = 20.0

Json = dict[str, Any]


class Grafana:
    """One organisation of a Grafana. A context manager.

    Args:
        url: its address, with the path it is served below.
        token: of a service account there; None asks as anybody may.

    Raises:
        SettingsError: `url` is no address.
    """

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"--url {redact(url)} is no address of a Grafana: it must look like http://127.0.0.1:3000.")
        self.url = redact(url.rstrip("/"))
        self._token = token
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        path = f"{parts.path.strip('/')}/".lstrip("/")
        self._api = GrafanaApi(token, host, parts.port, path, parts.scheme, timeout=_TIMEOUT_S)
        self._settings: Json | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._api.client.s.close()

    def version(self) -> str:
        """Its version, as it says it.

        Raises:
            GrafanaError: it does not answer, refuses, or is older than the dashboards.
        """
        words = str(self._frontend().get("buildInfo", {}).get("version") or "")
        numbers = re.match(r"(\d+)\.(\d+)", words)
        if numbers is None:
            raise GrafanaError(f"{self.url} does not say its version: it is no Grafana, or it asks for a token. {_LOG_IN}")
        if (int(numbers[1]), int(numbers[2])) < OLDEST:
            raise GrafanaError(f"Grafana at {self.url} is {words}; the dashboards need {OLDEST[0]}.{OLDEST[1]} or newer. Update it.")
        return words

    def datasources(self) -> Sequence[Json]:
        """Those that the token may ask: `name`, `uid`, `type`, `isDefault`."""
        found: Mapping[str, Json] = self._frontend().get("datasources") or {}
        return [{"name": name, **one} for name, one in found.items()]

    def rights(self) -> Mapping[str, Sequence[str]] | None:
        """What the token may do, by action; None where Grafana does not say."""
        found: Mapping[str, Sequence[str]] | None
        found = self._found(lambda: self._api.client.GET("/access-control/user/permissions"), "its permissions be read")
        return found

    def organization(self) -> int:
        """The number of the token's organisation."""
        return int(self._ask(self._api.organization.get_current_organization, "its organisation be read")["id"])

    def folder(self, title: str) -> str | None:
        """The uid of a top-level folder of that title or uid; None where there is none."""
        listed = self._ask(lambda: self._api.client.GET(f"/folders?limit={FOLDERS}"), "folders be listed (folders:read)")
        return next((str(one["uid"]) for one in listed if title in (one["title"], one["uid"])), None)

    def make_folder(self, title: str) -> str:
        """A new folder's uid."""
        return str(self._ask(lambda: self._api.folder.create_folder(title), f"the folder {title!r} be made (folders:create)")["uid"])

    def dashboard(self, uid: str) -> Json | None:
        """A dashboard with what Grafana says of it, as `dashboard` and `meta`; None where there is none."""
        found: Json | None
        found = self._found(lambda: self._api.dashboard.get_dashboard(uid), f"the dashboard {uid} be read (dashboards:read)")
        return found

    def last_message(self, uid: str) -> str:
        """What was said of a dashboard when it was last saved; empty where nothing was."""
        found = self._found(
            lambda: self._api.dashboard_versions.get_dashboard_versions(dashboard_uid=uid),
            f"the versions of {uid} be read (dashboards:read)",
        )
        versions = found.get("versions") if isinstance(found, dict) else found  # a bare list before Grafana 12
        return str(max(versions, key=lambda one: one["version"]).get("message") or "") if versions else ""

    def save_dashboard(self, dashboard: Json, folder: str, message: str) -> None:
        """Make it, or overwrite the one of its uid."""
        body = {"dashboard": dashboard, "folderUid": folder, "message": message, "overwrite": True}
        self._ask(
            lambda: self._api.dashboard.update_dashboard(body), f"{dashboard['title']!r} be saved (dashboards:create, dashboards:write)"
        )

    def rule(self, uid: str) -> Json | None:
        """An alert rule; None where there is none."""
        found: Json | None
        found = self._found(lambda: self._api.alertingprovisioning.get_alertrule(uid), f"the alert rule {uid} be read {_ALERTING}")
        return found

    def save_rule(self, rule: Json, *, new: bool) -> None:
        """Make it, or overwrite the one of its uid; it can still be edited in Grafana."""
        rules = self._api.alertingprovisioning
        call = (
            (lambda: rules.create_alertrule(rule, disable_provenance=True))
            if new
            else (lambda: rules.update_alertrule(rule["uid"], rule, disable_provenance=True))
        )
        self._ask(call, f"the alert rule {rule['title']!r} be saved {_ALERTING}")

    def keep_interval(self, folder: str, group: str, interval_s: int) -> None:
        """Have a group of rules evaluated so often; rules that others put into it stay as they are."""
        rules = self._api.alertingprovisioning
        known = self._ask(lambda: rules.get_rule_group(folder, quote(group, safe="")), f"the group {group!r} be read {_ALERTING}")
        if known["interval"] != interval_s:
            body = {**known, "interval": interval_s}
            words = f"the interval of {group!r} be set {_ALERTING}"
            self._ask(lambda: rules.update_rule_group(folder, quote(group, safe=""), body, disable_provenance=True), words)

    def health(self, uid: str) -> str | None:
        """What is wrong with a datasource by Grafana's own look at it; None where it answers."""
        try:
            reply = self._ask(lambda: self._api.datasource.health(uid), f"the datasource {uid} be asked (datasources:query)")
        except GrafanaError as error:
            return str(error)
        return None if str(reply.get("status", "")).upper() == "OK" else self._hidden(str(reply.get("message") or reply))

    def query(self, queries: Sequence[Json], start: str, end: str) -> Mapping[str, Json]:
        """What a datasource's backend answers, by `refId`: `frames`, or `error`."""
        body = {"from": start, "to": end, "queries": list(queries)}
        try:
            reply = self._api.client.POST("/ds/query", json=body)
        except GrafanaClientError as error:
            # A query that fails is answered 400, its words among the results.
            if error.status_code != HTTPStatus.BAD_REQUEST or not isinstance(error.response, dict) or "results" not in error.response:
                raise self._refusal(error, "a query be sent (datasources:query)") from None
            reply = error.response
        except (GrafanaException, requests.RequestException, ValueError) as error:
            raise self._refusal(error, "a query be sent (datasources:query)") from None
        results: Mapping[str, Json] = reply["results"]
        return results

    def through(self, uid: str, path: str, parameters: Mapping[str, str]) -> Json:
        """What a datasource's own API answers, through Grafana."""
        asked = f"/datasources/proxy/uid/{quote(uid, safe='')}{path}?{urlencode(parameters)}"
        return dict(self._ask(lambda: self._api.client.GET(asked), f"the datasource {uid} be asked (datasources:query)"))

    def _frontend(self) -> Json:
        if self._settings is None:
            found = self._ask(lambda: self._api.client.GET("/frontend/settings"), "its settings be read")
            if not isinstance(found, dict):
                raise GrafanaError(f"what answers at {self.url} is no Grafana. Name the right address with --url.")
            self._settings = found
        return self._settings

    def _found(self, call: Callable[[], Any], what: str) -> Any:
        """As `_ask`, and None for what there is not."""

        def or_nothing() -> Any:
            try:
                return call()
            except GrafanaClientError as error:
                if error.status_code == HTTPStatus.NOT_FOUND:
                    return None
                raise

        return self._ask(or_nothing, what)

    def _ask(self, call: Callable[[], Any], what: str) -> Any:
        try:
            return call()
        except (GrafanaException, requests.RequestException, ValueError) as error:
            raise self._refusal(error, what) from None

    def _refusal(self, error: Exception, what: str) -> GrafanaError:
        """The words; `what` goes on after "may not let"."""
        if isinstance(error, requests.exceptions.SSLError):
            return GrafanaError(
                f"the certificate of {self.url} is not trusted ({self._hidden(_innermost(error))}). REQUESTS_CA_BUNDLE names a file with "
                "the authority that signed it; where it speaks no TLS, write http:// in --url."
            )
        if isinstance(error, requests.RequestException) and not isinstance(error, requests.JSONDecodeError):
            why = "not within 20 s" if isinstance(error, requests.Timeout) else self._hidden(_innermost(error))
            return GrafanaError(f"no Grafana answers at {self.url} ({why}). Start it, or name another with --url (VENOM_OTEL_GRAFANA_URL).")
        if not isinstance(error, GrafanaException):
            return GrafanaError(f"what answers at {self.url} is no Grafana. Name the right address with --url (VENOM_OTEL_GRAFANA_URL).")
        said = self._hidden(str(error.response.get("message") or error.response) if isinstance(error.response, dict) else str(error))
        if error.status_code == HTTPStatus.UNAUTHORIZED:
            return GrafanaError(f"Grafana at {self.url} does not take the token ({said}). {_LOG_IN}")
        if error.status_code == HTTPStatus.FORBIDDEN:
            return GrafanaError(
                f"Grafana at {self.url} does not let {what}: {said}. Give the token's service account that permission, or the role Admin."
            )
        if error.status_code == HTTPStatus.NOT_FOUND:
            return GrafanaError(
                f"Grafana at {self.url} has no such thing, so that it does not let {what}: {said}. It is older than "
                f"{OLDEST[0]}.{OLDEST[1]}, its alerting is switched off, or --url lacks the path it is served below."
            )
        return GrafanaError(f"Grafana at {self.url} does not let {what} (HTTP {error.status_code}): {said}")

    def _hidden(self, words: str) -> str:
        return redact(words.replace(self._token, "***") if self._token else words)


_LOG_IN: Final = (
    "Make one in Grafana under Administration, Users and access, Service accounts, and give it as VENOM_OTEL_GRAFANA_TOKEN or with "
    "--token-file."
)
_ALERTING: Final = "(alert.provisioning:read, alert.provisioning:write; --no-alerts leaves alert rules out)"


def _innermost(error: BaseException) -> str:
    """What the operating system or the TLS library says, without the layers around it."""
    reason = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    return str(reason.args[-1] if isinstance(reason, BaseException) and reason.args else reason).rpartition(": ")[2]
