"""The page's own session: how `/lite`, which has nothing but the API, may write without the token.

The browser that opens the page is given a random value as a cookie, and sends it back with what the page asks of the API. It counts for
requests of our own pages alone:

- **Another site** (cross-site request forgery) can make a browser ask, but not with this cookie: `SameSite=Strict`.
- **Another port of this machine** is the same site to a browser, which gives it the cookie, too. What a page of such a server sends here
  has another `Origin`: `SameOrigin` refuses it, and `shown_by` is stricter still: a page that VENOM_OTEL_ALLOWED_HOSTS lets read may not
  write. The server itself may read the cookie and send it with headers of its own, as any program could open the page and do.
- **A name made to point here** (DNS rebinding) is refused by its `Host`, before anything is given or taken.
- **A script on the page** cannot read it (`HttpOnly`), and none but our own runs there (`Content-Security-Policy`).
- **Who reaches the address**, another user of this machine, or another machine where VENOM_OTEL_HOST lets it in, can open the page and
  press its buttons, and the cockpit's own, whose socket asks for no more: the session adds no right to that. The token is for programs, and
  proves that somebody could read it.

The value lives as long as the process, the cookie as long as the browser; a page that outlives the process asks for a new one. Its name has
the port, since browsers keep one set of cookies for all ports of a host.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from venom_otel.api import links

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request
    from starlette.responses import Response

_BYTES: Final = 32


class PageSession:
    """Knows the browsers that opened the page from requests of anybody else."""

    def __init__(self) -> None:
        self._value = secrets.token_urlsafe(_BYTES)

    def give(self, request: Request, response: Response) -> None:
        """Give the browser that opens the page what `shown_by` knows it by."""
        response.set_cookie(
            _name(request), self._value, path=links.PREFIX, secure=request.url.scheme == "https", httponly=True, samesite="strict"
        )

    def shown_by(self, request: Request) -> bool:
        """Whether a request comes from a page of ours, in a browser that was given the cookie."""
        given = request.cookies.get(_name(request), "")
        return secrets.compare_digest(given.encode(), self._value.encode()) and _of_our_own_page(request.headers)


def _name(request: Request) -> str:
    address = request.scope.get("server")
    return f"venom-otel-{address[1] if address else ''}"


def _of_our_own_page(headers: Headers) -> bool:
    """By what a browser alone can set.

    `Sec-Fetch-Site` is decisive where it is sent: to https, and to this machine (https://www.w3.org/TR/fetch-metadata/). Elsewhere `Origin`
    is, which browsers send with whatever writes.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() == headers.get("host", "").lower()
