"""`/lite` and what it consists of: a template, a style sheet and modules of a script. Nothing here needs NiceGUI."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from venom_otel.cockpit import headers, texts, theme, words
from venom_otel.cockpit.lite.state import state
from venom_otel.cockpit.texts import lite

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from venom_otel.services.offered import Services

PATH: Final = "/lite"
_HERE: Final = Path(__file__).parent
_SHARED: Final = ("tab_session.js", "venom_words.js")
"""Modules that the other page has, too."""
_KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def mount(app: FastAPI, services: Services, *, welcome: Callable[[Request, Response], None]) -> None:
    """Put the plain page on `app`.

    Args:
        app: serves the page.
        services: where what is shown at first comes from.
        welcome: gives a browser that opens the page what the API lets its writes through by.
    """
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # the themes have an order
    environment.filters["words"] = words.html  # which escapes all but the code, and is marked safe in the template
    template = environment.get_template("page.html")
    router = APIRouter(prefix=PATH, include_in_schema=False)
    files = _files()
    version = hashlib.sha256("".join(files.values()).encode()).hexdigest()[:12]

    @router.get("")
    async def page(request: Request) -> Response:
        chosen = request.cookies.get(theme.COOKIE, "auto")
        html = template.render(
            t=lite,
            product=texts.PRODUCT,
            theme=chosen if chosen in theme.CHOICES else "auto",
            state=await state(services),
            files=f"{PATH}/{version}",
            modules=[name for name in files if name.endswith(".js")],
        )
        # Never from a cache: the session's cookie comes with it, and it says how things are.
        answer = Response(html, media_type="text/html", headers={**headers.PLAIN, "Cache-Control": "no-store"})
        welcome(request, answer)
        return answer

    # The version is a folder to the browser, so that modules find each other in the same one.
    @router.get(f"/{version}/{{name}}")
    async def file(name: str) -> Response:
        if name not in files:
            return Response(status_code=404, headers=headers.PLAIN)
        lasting = {**headers.PLAIN, "Cache-Control": "private, max-age=31536000, immutable"}
        return Response(files[name], media_type=_KINDS[Path(name).suffix], headers=lasting)

    app.include_router(router)


def _files() -> dict[str, str]:
    """What the page loads, by name."""
    paths = [*sorted((_HERE / "script").glob("*.js")), *(theme.ASSETS / name for name in (*_SHARED, "mark.svg"))]
    sheet = f"{theme.variables()}\n{(_HERE / 'page.css').read_text(encoding='utf-8')}"
    return {path.name: path.read_text(encoding="utf-8") for path in paths} | {"page.css": sheet}
