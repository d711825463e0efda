"""The places in Semantic Kernel where a model round trip begins and ends.

A connector's `_inner_get_chat_message_contents` and `_inner_get_streaming_chat_message_contents` make one request to the model; the
public methods above them loop for automatic function invocation. They are wrapped on every class that defines them, so that service
objects stay as they are: type, equality, copies and serialisation are untouched. A class that overrides only the public methods is
wrapped there. Where an override calls its parent's method, the outermost wrapper records and the inner ones pass through.

Wrapping above the client is also what keeps streams working: the OpenAI connector checks ``isinstance(response, AsyncStream)``, which a
wrapped response of the client fails.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context

from venom_otel.instrumentation import deadline, guard
from venom_otel.instrumentation.invocation import current
from venom_otel.instrumentation.routed import RoutedCall
from venom_otel.instrumentation.semantic_kernel.scopes import Scopes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from opentelemetry.context import Context

    from venom_otel.instrumentation.invocation import Invocation
    from venom_otel.instrumentation.recorder import Recorder

CALL: Final = "_inner_get_chat_message_contents"
STREAM: Final = "_inner_get_streaming_chat_message_contents"
PUBLIC: Final = {CALL: "get_chat_message_contents", STREAM: "get_streaming_chat_message_contents"}
CLASS_HOOK: Final = "__pydantic_init_subclass__"

scopes: Final = Scopes()

_lock = threading.Lock()
_patches: list[_Patch] = []


class _Patch:
    """One attribute of one class, replaced until `undo`."""

    def __init__(self, owner: type, name: str, replacement: Callable[[Any], Any]) -> None:
        self._owner, self._name = owner, name
        self._own = name in vars(owner)
        self._original = vars(owner).get(name)
        setattr(owner, name, replacement(getattr(owner, name)))
        self._replacement = vars(owner)[name]

    def undo(self) -> None:
        """Put the original back, unless somebody wrapped it after us: then ours stays below theirs and passes everything through."""
        if vars(self._owner).get(self._name) is not self._replacement:
            return
        if self._own:
            setattr(self._owner, self._name, self._original)
        else:
            delattr(self._owner, self._name)


def install() -> None:
    """Wrap every chat service class there is and those to come; does nothing where that is done already."""
    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
    from semantic_kernel.functions.kernel_function import KernelFunction
    from semantic_kernel.kernel import Kernel

    with _lock:
        if _patches:
            return
        _patches.append(_Patch(Kernel, "clone", _wrap_clone))
        _patches.append(_Patch(KernelFunction, "invoke", _wrap_function))
        _patches.append(_Patch(KernelFunction, "invoke_stream", _wrap_function_stream))
        _patches.append(_Patch(ChatCompletionClientBase, CLASS_HOOK, _wrap_class_hook))
        for cls in _subclasses(ChatCompletionClientBase):
            _patch_class(cls)


def remove() -> None:
    """Unwrap everything once no scope is open."""
    with _lock:
        if scopes.any():
            return
        while _patches:
            _patches.pop().undo()


def _subclasses(base: type) -> set[type]:
    found: set[type] = set()
    pending = [base]
    while pending:
        below: list[type] = pending.pop().__subclasses__()
        pending += [cls for cls in below if cls not in found]
        found.update(below)
    return found


def _patch_class(cls: type) -> None:
    wrappers: dict[str, Callable[[Any], Any]] = {CALL: _wrap_call, STREAM: _wrap_stream}
    for name, wrap in wrappers.items():
        if name in vars(cls):
            _patches.append(_Patch(cls, name, wrap))
        elif PUBLIC[name] in vars(cls) and not has_own(cls, name):
            _patches.append(_Patch(cls, PUBLIC[name], wrap))


def has_own(cls: type, name: str) -> bool:
    """Whether the class or one of its parents, Semantic Kernel's abstract base apart, implements the inner method."""
    return any(name in vars(parent) for parent in cls.__mro__ if parent.__name__ != "ChatCompletionClientBase")


def _wrap_class_hook(original: Callable[..., None]) -> Any:
    def hook(cls: type, /, **kwargs: Any) -> None:
        original.__func__(cls, **kwargs)  # type: ignore[attr-defined]
        try:
            with _lock:
                if _patches:
                    _patch_class(cls)
        except Exception:
            guard.report("wrapping a new chat service class")

    return classmethod(hook)


def _wrap_clone(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def clone(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        try:
            scopes.cloned(self, result)
        except Exception:
            guard.report("following a kernel's clone")
        return result

    return clone


def _wrap_function(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original)
    async def invoke(self: Any, *args: Any, **kwargs: Any) -> Any:
        _prepare(args, kwargs)
        return await original(self, *args, **kwargs)

    return invoke


def _wrap_function_stream(original: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., AsyncGenerator[Any, Any]]:
    @functools.wraps(original)
    def invoke_stream(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        _prepare(args, kwargs)
        return original(self, *args, **kwargs)

    return invoke_stream


def _prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Have providers ready before Semantic Kernel begins the span of a function, which the first call's span shall stand under."""
    try:
        scopes.prepare(_argument(args, kwargs, 0, "kernel"))
    except Exception:
        guard.report("preparing for a function's first call")


def _recorder(service: Any) -> Recorder | None:
    """Who records this call: nobody where the service is not covered or an outer wrapper records it already.

    The attempts of a routed call are recorded with it, whichever services are covered.
    """
    try:
        outer = current()
        if outer is not None:
            if outer.service is service:
                return None
            if isinstance(outer, RoutedCall) and outer.tries(service):
                return outer.recorder
        return scopes.find(service)
    except Exception:
        guard.report("looking a service up")
        return None


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], position: int, name: str) -> Any:
    return args[position] if len(args) > position else kwargs.get(name)


def _wrap_call(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = _recorder(self)
        invocation = None
        if recorder is not None:
            history, settings = _argument(args, kwargs, 0, "chat_history"), _argument(args, kwargs, 1, "settings")
            invocation = recorder.start(self, history, settings, streaming=False)
        if invocation is None:
            return await original(self, *args, **kwargs)
        token = otel_context.attach(invocation.context)
        try:
            result = await original(self, *args, **kwargs)
        except BaseException as error:
            otel_context.detach(token)
            _end(invocation, error)
            raise
        otel_context.detach(token)
        invocation.succeed(result)
        return result

    return call


def _wrap_stream(original: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., AsyncGenerator[Any, Any]]:
    @functools.wraps(original)
    def stream(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = original(self, *args, **kwargs)
        recorder = _recorder(self)
        if recorder is None or getattr(inner, "ag_code", None) is _record_stream.__code__:
            return inner  # an override that is no generator itself and hands its parent's on: that one records
        history, settings = _argument(args, kwargs, 0, "chat_history"), _argument(args, kwargs, 1, "settings")
        return _record_stream(recorder, inner, self, history, settings)

    return stream


async def _record_stream(
    recorder: Recorder, inner: AsyncGenerator[Any, Any], service: Any, history: Any, settings: Any
) -> AsyncGenerator[Any, Any]:
    """Pass a stream's chunks through as they come; its span is current while a chunk is being made and never across a ``yield``."""
    invocation = recorder.start(service, history, settings, streaming=True)
    if invocation is None:
        async for contents in inner:
            yield contents
        return
    attach, detach, context, step = otel_context.attach, otel_context.detach, invocation.context, inner.__anext__
    response = None
    try:
        while True:
            token = attach(context)
            try:
                contents = await step()
            finally:
                detach(token)
            invocation.chunk(contents)
            yield contents
    except StopAsyncIteration:
        invocation.succeed()
    except GeneratorExit:
        # The consumer left. The span ends now, before anything is awaited: a generator that is finalised without a loop cannot await.
        response = invocation.response
        invocation.abandon()
        await _close(inner, response, context)
        raise
    except BaseException as error:
        _end(invocation, error)
        raise


async def _close(inner: AsyncGenerator[Any, Any], response: Any, context: Context) -> None:
    """Close what a left stream still holds; without it the HTTP response stays open until a garbage collection breaks the cycle.

    What ends in there may set the context back to where it began (Semantic Kernel's diagnostics do), which is not the consumer's.
    """
    token = otel_context.attach(context)
    try:
        await inner.aclose()
        if response is not None:
            await response.aclose()
    except Exception:
        guard.logger.debug("closing a stream that its consumer left failed", exc_info=True)
    finally:
        otel_context.detach(token)


def _end(invocation: Invocation, error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        late = None
        try:
            late = deadline.passed()
        except Exception:
            guard.report("telling a time limit from a cancellation")
        if late is None:
            invocation.cancel()
        else:
            invocation.fail(late)
    elif isinstance(error, GeneratorExit):
        invocation.abandon()
    else:
        invocation.fail(error)


def introduce(recorder: Recorder, kernel: Any) -> None:
    """Begin to ask who is behind the chat services a kernel has."""
    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase

    for service in list(kernel.services.values()):
        if isinstance(service, ChatCompletionClientBase):
            try:
                recorder.introduce(service)
            except Exception:
                guard.report("asking who is behind a service")
