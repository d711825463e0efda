"""Which server a chat asks, for which model, and how; chosen by the reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from nicegui import ui

from venom_otel.cockpit.controls import select_of
from venom_otel.cockpit.home.model_column import MOST_WITHOUT_FILTER
from venom_otel.cockpit.texts import chat as texts
from venom_otel.runtimes.friendly import server_label
from venom_otel.services.tasks.choosing import answers
from venom_otel.services.tasks.model import Message, Options, Role, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from venom_otel.health import Server

_LONGEST_NAME: Final = 500
_BY_NAME: Final = "use-input hide-selected fill-input input-debounce=0"
"""What makes a select one into which one can type what one looks for."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is chosen; what is empty is left to the configuration, or to the server."""

    server: str = ""
    model: str = ""
    fallback: bool = True
    """Where no server is chosen: whether the next is asked when one fails."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None

    @classmethod
    def of(cls, kept: object) -> Self:
        """What a browser has kept; of what it makes no sense of, nothing."""
        if not isinstance(kept, dict):
            return cls()
        numbers = {name: _number(name, kept.get(name)) for name in _NUMBERS}
        return cls(_name(kept.get("server")), _name(kept.get("model")), fallback=kept.get("fallback") is not False, **numbers)

    def kept(self) -> Mapping[str, Any]:
        """The same for a browser to keep."""
        return asdict(self)

    def wanted(self, prompt: str, session: str) -> Wanted:
        """A task that asks so."""
        return Wanted(
            [Message(Role.USER, prompt)],
            provider=self.server or None,
            model=self.model or None,
            session=session,
            fallback=self.fallback,
            options=Options(max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p, seed=self.seed),
        )


@dataclass(frozen=True, slots=True)
class _Number:
    least: float
    most: float
    step: float


_NUMBERS: Final = {
    "max_tokens": _Number(1, 1_000_000, 1),
    "temperature": _Number(0, 2, 0.1),
    "top_p": _Number(0, 1, 0.05),
    "seed": _Number(0, 2**31 - 1, 1),
}
"""By the field's name; a step of one is for whole numbers."""


def _name(value: object) -> str:
    return value if isinstance(value, str) and len(value) < _LONGEST_NAME else ""


def _number(name: str, value: object) -> Any:
    """A value that a field can have, else None."""
    known = _NUMBERS[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not known.least <= value <= known.most:
        return None
    return int(value) if known.step == 1 else float(value)


class ChatChoice:
    """Shows what can be chosen, and knows what is.

    Args:
        on_change: told when the reader chooses otherwise.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._models: dict[str, list[str]] = {}
        """By server."""
        self._numbers: dict[str, ui.number] = {}

    def build(self) -> None:
        """Build the two selects where the page is."""
        self._server = select_of(texts.SERVER, {"": texts.AUTOMATIC}).classes("chat-server")
        self._model = select_of(texts.MODEL, {"": texts.USUAL_MODEL}).classes("chat-model")
        self._model.on("focus", js_handler="(event) => event.target.select?.()")  # what is typed takes the place of what was chosen
        with self._model.add_slot("no-option"), ui.item():
            ui.item_section(texts.NO_MODEL_MATCHES)
        self._model.set_visibility(False)
        self._server.on_value_change(self._another_server)
        self._model.on_value_change(self._on_change)

    def build_options(self) -> ui.element:
        """Build the rest of it, still hidden."""
        with ui.element("div").classes("chat-options") as options:
            for name, known in _NUMBERS.items():
                with ui.element("label").classes("chat-option"):
                    ui.label(texts.NUMBERS[name])
                    number = ui.number(min=known.least, max=known.most, step=known.step, placeholder=texts.SERVERS_OWN)
                    number.props(f'dense borderless hide-bottom-space aria-label="{texts.NUMBERS[name]}"').classes("choice")
                    number.on_value_change(self._on_change)
                    self._numbers[name] = number
            self._fallback = ui.switch(texts.FALLBACK, value=True).props("dense").classes("chat-fallback")
            self._fallback.on_value_change(self._on_change)
        options.set_visibility(False)
        return options

    def offer(self, servers: Sequence[Server]) -> None:
        """Offer these servers, with the models that they have now. A server that is gone is not chosen any more."""
        names = {"": texts.AUTOMATIC}
        for server in servers:
            runtime = server.runtime
            usual = server_label(runtime.provider, runtime.endpoint)
            names[runtime.name] = usual if runtime.name == runtime.provider else f"{runtime.name} · {usual}"
            models = [each.name for each in server.reading.models if answers(each)]
            if models or runtime.name not in self._models:  # one that is offline has them again soon
                self._models[runtime.name] = models
        if names != self._server.options:
            self._server.set_options(names, value=self._server.value if self._server.value in names else "")
        self._offer_models()

    def chosen(self) -> Chosen:
        """What is chosen now."""
        numbers = {name: _number(name, number.value) for name, number in self._numbers.items()}
        return Chosen(self._server.value or "", self._model.value or "", fallback=bool(self._fallback.value), **numbers)

    def choose(self, chosen: Chosen) -> None:
        """Choose this, as far as it is offered."""
        self._fallback.value = chosen.fallback
        for name, number in self._numbers.items():
            number.value = getattr(chosen, name)
        if chosen.server in self._server.options:
            self._server.value = chosen.server
            if chosen.model in self._model.options:
                self._model.value = chosen.model

    def _another_server(self) -> None:
        self._fallback.set_enabled(not self._server.value)
        self._offer_models()
        self._on_change()

    def _offer_models(self) -> None:
        server = self._server.value or ""
        options = {"": texts.USUAL_MODEL, **{name: name for name in self._models.get(server, ())}}
        if options != self._model.options:
            self._model.set_options(options, value=self._model.value if self._model.value in options else "")
            self._model.props(**{"add" if len(options) > MOST_WITHOUT_FILTER else "remove": _BY_NAME})
        self._model.set_visibility(bool(server))
