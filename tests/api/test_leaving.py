"""A reader that leaves is no error; everything else stays one."""

import anyio
import pytest

from venom_otel.api.leaving import ReadersMayLeave


async def serve(error):
    async def application(scope, receive, send):
        raise error

    await ReadersMayLeave(application)({}, None, None)


async def test_a_reader_that_left():
    await serve(anyio.BrokenResourceError())
    await serve(ExceptionGroup("tasks", [ExceptionGroup("tasks", [anyio.BrokenResourceError()])]))


async def test_what_failed_besides_is_raised():
    with pytest.raises(ZeroDivisionError):
        await serve(ZeroDivisionError())
    with pytest.raises(ExceptionGroup) as raised:
        await serve(ExceptionGroup("tasks", [anyio.BrokenResourceError(), ZeroDivisionError()]))
    assert [type(each) for each in raised.value.exceptions] == [ZeroDivisionError]
