"""`/lite` and what it consists of: a template, a script and a style sheet. Nothing here needs NiceGUI."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from venom_otel.cockpit import headers, texts, theme
from venom_otel.cockpit.lite.state import state
from venom_otel.cockpit.texts import lite

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from venom_otel.services.offered import Services

PATH: Final = "/lite"
_KINDS: Final = {"lite.js": "text/javascript", "lite.css": "text/css", "mark.svg": "image/svg+xml"}


def mount(app: FastAPI, services: Services, *, welcome: Callable[[Request, Response], None]) -> None:
    """Put the plain page on `app`.

    Args:
        app: serves the page.
        services: where what is shown at first comes from.
        welcome: gives a browser that opens the page what the API lets its writes through by.
    """
    environment = Environment(loader=FileSystemLoader(theme.ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # the themes have an order
    template = environment.get_template("lite.html")
    router = APIRouter(prefix=PATH, include_in_schema=False)
    files = {name: (theme.ASSETS / name).read_text(encoding="utf-8") for name in _KINDS}
    files["lite.css"] = f"{theme.variables()}\n{files['lite.css']}"
    versions = {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in files.items()}

    @router.get("")
    async def page(request: Request) -> Response:
        chosen = request.cookies.get(theme.COOKIE, "auto")
        html = template.render(
            t=lite,
            product=texts.PRODUCT,
            theme=chosen if chosen in theme.CHOICES else "auto",
            state=await state(services),
            versions=versions,
        )
        # Never from a cache: the session's cookie comes with it, and it says how things are.
        answer = Response(html, media_type="text/html", headers={**headers.PLAIN, "Cache-Control": "no-store"})
        welcome(request, answer)
        return answer

    @router.get("/{name}")
    async def file(name: str) -> Response:
        if name not in files:
            return Response(status_code=404, headers=headers.PLAIN)
        # The page gives its address with its version.
        lasting = {**headers.PLAIN, "Cache-Control": "private, max-age=31536000, immutable"}
        return Response(files[name], media_type=_KINDS[name], headers=lasting)

    app.include_router(router)
