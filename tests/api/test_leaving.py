"""A reader that leaves is no error; everything else stays one."""

import anyio
import pytest

from venom_otel.api.leaving import ReadersMayLeave


async def serve(error, heard="http.disconnect"):
    async def application(scope, receive, send):
        assert await receive() == {"type": heard}
        raise error

    async def receive():
        return {"type": heard}

    await ReadersMayLeave(application)({}, receive, None)


async def test_a_reader_that_left():
    await serve(anyio.BrokenResourceError())
    await serve(ExceptionGroup("tasks", [ExceptionGroup("tasks", [anyio.BrokenResourceError()])]))


async def test_a_response_that_was_given_up():
    await serve(RuntimeError("No response returned."))
    for words, heard in (("No response returned.", "http.request"), ("another", "http.disconnect")):
        with pytest.raises(RuntimeError, match=words):
            await serve(RuntimeError(words), heard)


async def test_what_failed_besides_is_raised():
    with pytest.raises(ZeroDivisionError):
        await serve(ZeroDivisionError())
    with pytest.raises(ExceptionGroup) as raised:
        await serve(ExceptionGroup("tasks", [anyio.BrokenResourceError(), ZeroDivisionError()]))
    assert [type(each) for each in raised.value.exceptions] == [ZeroDivisionError]
