"""Who waits, who is at it, what is kept and what is refused; the answers are played here, so that their pace is the test's."""

import asyncio
import contextlib
import json
import sqlite3

import pytest
from support.patience import WAIT_S
from support.tasks import asked, kinds_of, text_of

from venom_otel.errors import MissingExtraError, StateError, TooManyTasksError, WrongTaskError
from venom_otel.services.tasks import keeping
from venom_otel.services.tasks.kernel import KernelAnswers
from venom_otel.services.tasks.limits import Limits
from venom_otel.services.tasks.model import Message, Position, Role, TaskStatus, Wanted
from venom_otel.state.store import State
from venom_otel.state.tasks import MOST_TASKS, KeptTasks, TaskRow

PROMPT = "Why is the sky blue?"


class Played:
    """Answers each prompt when `say` says so, in the pieces that it says."""

    def __init__(self):
        self.began = []
        self.left = []
        self.messages = {}
        self.closed = False
        self._pieces = {}
        self._changed = asyncio.Condition()

    def check(self):
        pass

    def prepare(self):
        pass

    async def say(self, prompt, *pieces):
        """An exception ends it, None ends it well."""
        async with self._changed:
            self._pieces.setdefault(prompt, []).extend(pieces)
            self._changed.notify_all()

    async def begun(self, *prompts):
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self.began == list(prompts))

    async def answer(self, choices, messages, options):
        prompt = messages[-1].content
        self.messages[prompt] = messages
        pieces = self._pieces.setdefault(prompt, [])
        async with self._changed:
            self.began.append(prompt)
            self._changed.notify_all()
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: pieces)
                    piece = pieces.pop(0)
                if piece is None:
                    return
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            self.left.append(prompt)

    async def close(self):
        self.closed = True


@contextlib.asynccontextmanager
async def played(tmp_path, endpoints, **limits):
    answering = Played()
    async with asked(tmp_path, answering=answering, limits=Limits(**limits), **endpoints) as place:
        yield place, answering


async def until(condition):
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what it asks has no event
            await asyncio.sleep(0.002)


async def test_tasks_begin_in_their_order_and_no_more_than_may(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=2) as (place, answering):
        tasks = [await place.ask(prompt) for prompt in "abcd"]
        await answering.begun("a", "b")
        assert [place.tasks.get(task.id).status for task in tasks] == ["PROCESSING", "PROCESSING", "PENDING", "PENDING"]
        await answering.say("b", "B", None)
        await answering.begun("a", "b", "c")
        for prompt in "acd":
            await answering.say(prompt, prompt.upper(), None)
        assert [(await place.end_of(task)).status for task in tasks] == ["COMPLETED"] * 4
        assert [place.tasks.answer(task.id) for task in tasks] == ["A", "B", "C", "D"]
        assert not place.tasks._at_work


async def test_those_of_one_conversation_follow_one_another_and_hold_up_nobody(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=10) as (place, answering):
        talk = [await place.ask(prompt, session="talk") for prompt in ("one", "two")]
        await place.ask("other")
        await answering.begun("one", "other")
        await answering.say("one", "1", None)
        await answering.begun("one", "other", "two")
        assert [message.content for message in answering.messages["two"]] == ["one", "1", "two"]
        await answering.say("two", ValueError("no"))
        assert (await place.end_of(talk[1])).status is TaskStatus.FAILED
        await place.ask("three", session="talk")
        await answering.begun("one", "other", "two", "three")
        assert [message.content for message in answering.messages["three"]] == ["one", "1", "three"]  # what failed was not said


async def test_more_than_may_wait_are_refused(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=1, waiting=1) as (place, answering):
        first = await place.ask("a")
        await place.ask("b")
        with pytest.raises(TooManyTasksError, match="VENOM_OTEL_TASKS_WAITING"):
            await place.ask("c")
        await place.tasks.cancel(first.id)
        await answering.begun("a", "b")
        await place.ask("c")


async def test_what_is_too_long_is_refused(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=1, prompt=10, prompts=12, messages=2) as (place, _):
        with pytest.raises(WrongTaskError, match="11 characters; at most 10") as refused:
            await place.ask("x" * 11)
        assert refused.value.parameter == "prompt"
        with pytest.raises(WrongTaskError, match="3 messages; at most 2"):
            await place.tasks.begin(Wanted([Message(Role.USER, "x")] * 3))
        task = await place.ask("x" * 10)  # which is cancelled below before its work has even begun to run
        with pytest.raises(TooManyTasksError, match="longer than may be held"):
            await place.ask("xxx")
        await place.tasks.cancel(task.id)
        await place.ask("xxx")


async def test_an_answer_that_is_too_long_is_cut_off(tmp_path, endpoints):
    async with played(tmp_path, endpoints, answer=10) as (place, answering):
        task = await place.ask()
        await answering.say(PROMPT, "12345", "67890", "1")
        task = await place.end_of(task)
        assert (task.status, place.tasks.answer(task.id)) == (TaskStatus.FAILED, "1234567890")
        assert "max_tokens" in task.error.words
        assert answering.left == [PROMPT]


async def test_cancelling_one_that_waits_and_one_that_runs(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=1) as (place, answering):
        running, waiting = await place.ask("a"), await place.ask("b")
        await answering.begun("a")
        await answering.say("a", "half ")
        ended = await place.tasks.cancel(waiting.id)
        assert (ended.status, ended.started_ns, ended.duration_s) == (TaskStatus.CANCELLED, None, None)
        await until(lambda: place.tasks.answer(running.id))
        assert (await place.tasks.cancel(running.id)).status is TaskStatus.CANCELLED
        assert (place.tasks.answer(running.id), answering.left) == ("half ", ["a"])
        assert (await place.tasks.cancel(running.id)).status is TaskStatus.CANCELLED  # again
        assert await place.tasks.cancel("nobody") is None


async def test_a_follower_that_leaves_neither_ends_the_task_nor_stays(tmp_path, endpoints):
    async with played(tmp_path, endpoints) as (place, answering):
        task = await place.ask()
        await answering.begun(PROMPT)
        before = len(asyncio.all_tasks())
        events = place.tasks.follow(task.id)
        assert (await anext(events)).kind == "status"
        following = asyncio.create_task(_drain(events))
        await asyncio.sleep(0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await events.aclose()
        assert len(asyncio.all_tasks()) == before
        await answering.say(PROMPT, "done", None)
        assert (await place.end_of(task)).status is TaskStatus.COMPLETED


async def _drain(events):
    async for _ in events:
        pass


async def test_who_comes_late_is_given_what_came_as_one(tmp_path, endpoints):
    async with played(tmp_path, endpoints) as (place, answering):
        task = await place.ask()
        early = asyncio.create_task(place.told(task))
        await answering.say(PROMPT, *"abc")
        await until(lambda: place.tasks.answer(task.id) == "abc")
        late = asyncio.create_task(place.told(task))
        await answering.say(PROMPT, "d", None)
        first, second = await early, await late
        assert (text_of(first), text_of(second)) == ("abcd", "abcd")
        assert next(event.body for event in second if event.kind == "token").startswith("abc")
        after_the_end = await place.told(task)
        assert text_of(after_the_end) == "abcd"
        assert kinds_of(after_the_end) == ["status", "status", "token", "finished"]
        assert text_of(await place.told(task, Position(2, 3))) == "d"


async def test_answers_are_forgotten_by_number_by_size_and_by_age(tmp_path, endpoints):
    async with played(tmp_path, endpoints, kept=2, answers=10) as (place, answering):

        async def answered(prompt, text):
            task = await place.ask(prompt)
            await answering.say(prompt, text, None)
            return (await place.end_of(task)).id

        one, two, three = [await answered(prompt, "xxx") for prompt in "abc"]
        assert [place.tasks.answer(each) for each in (one, two, three)] == [None, "xxx", "xxx"]
        assert [place.tasks.asked(each) for each in (one, two)] == [None, [Message(Role.USER, "b")]]
        assert place.tasks.get(one).status is TaskStatus.COMPLETED  # what it was, is kept
        long = await answered("d", "x" * 9)  # ten with what was asked
        assert [place.tasks.answer(each) for each in (two, three, long)] == [None, None, "x" * 9]
        assert [event.kind for event in await place.told(place.tasks.get(one))] == ["finished"]
    async with played(tmp_path, endpoints, kept_s=0.0) as (place, answering):
        task = await place.ask()
        await answering.say(PROMPT, "gone", None)
        await place.end_of(task)
        await until(lambda: place.tasks.answer(task.id) is None)


async def test_what_is_listed_is_the_newest_first_and_as_it_is_now(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=1) as (place, answering):
        tasks = [await place.ask(prompt) for prompt in "abc"]
        await answering.begun("a")
        assert [(task.id, task.status) for task in place.tasks.recent(2)] == [(tasks[2].id, "PENDING"), (tasks[1].id, "PENDING")]
        assert [task.status for task in place.tasks.recent(10)] == ["PENDING", "PENDING", "PROCESSING"]


async def test_a_task_that_its_program_left_behind_is_lost(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=1) as (place, answering):
        task = await place.ask()
        await answering.begun(PROMPT)
        waiting = await place.ask("another")
        # As if the program had been killed: nothing is written any more, and the next one finds what lies there.
        body = place.state.read("task", {"id": task.id})[0]["body"]
        other = place.state.read("task", {"id": waiting.id})[0]["body"]
    with State(tmp_path / "left" / "state.sqlite3") as left:
        kept = KeptTasks(left)
        for each in (body, other):
            kept.begun(TaskRow(json.loads(each)["id"], False, each))
    (tmp_path / "state.sqlite3").unlink()
    (tmp_path / "left" / "state.sqlite3").rename(tmp_path / "state.sqlite3")
    async with played(tmp_path, endpoints) as (place, _):
        found = place.tasks.recent(10)
        assert [(each.id, each.status, each.finished_ns) for each in found] == [(waiting.id, "LOST", None), (task.id, "LOST", None)]
        assert found[1].error.words.startswith("venom-otel ended while it ran")
        assert found[1].trace_id  # where the history has what it did
        (event,) = await place.told(found[0])
        assert (event.kind, event.body.status) == ("finished", TaskStatus.LOST)
        assert KeptTasks(place.state).unfinished() == []


async def test_the_end_of_the_program_is_the_end_of_its_tasks(tmp_path, endpoints):
    async with played(tmp_path, endpoints, running=1) as (place, answering):
        tasks = [await place.ask("a"), await place.ask("b")]
        await answering.begun("a")
        following = [asyncio.create_task(place.told(task)) for task in tasks]
        await asyncio.sleep(0)
        place.tasks.end_running()
        ended = [(await each)[-1].body for each in following]
        assert [task.status for task in ended] == ["LOST", "LOST"]
        assert {task.error.words for task in ended} == {"venom-otel was stopped while it ran."}
        with pytest.raises(TooManyTasksError, match="is ending"):
            await place.ask("c")
    assert answering.closed
    assert answering.left == ["a"]


async def test_a_task_that_cannot_be_kept_is_not_begun(tmp_path, endpoints):
    async with played(tmp_path, endpoints) as (place, answering):
        task = await place.ask("a")
        await answering.begun("a")
        with locked(tmp_path):
            with pytest.raises(StateError):
                await place.ask("b")
            await answering.say("a", "A", None)
            assert (await place.end_of(task)).status is TaskStatus.COMPLETED  # though that could not be written
        again = await place.ask("c")  # and now it is
        assert json.loads(KeptTasks(place.state).one(task.id))["status"] == "COMPLETED"
        await answering.begun("a", "c")
        await place.tasks.cancel(again.id)


@contextlib.contextmanager
def locked(tmp_path):
    """Somebody else writes, and does not come to an end."""
    with contextlib.closing(sqlite3.connect(tmp_path / "state.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_an_error_that_is_nobodys_answer_is_told_and_logged(tmp_path, endpoints, caplog):
    async with played(tmp_path, endpoints) as (place, answering):
        task = await place.ask()
        await answering.say(PROMPT, "so far ", ZeroDivisionError("division by zero"))
        task = await place.end_of(task)
        assert (task.status, task.error.kind, task.error.code) == (TaskStatus.FAILED, None, "ZeroDivisionError")
        assert place.tasks.answer(task.id) == "so far "
    (record,) = [record for record in caplog.records if record.name == "venom_otel" and record.exc_info]
    assert record.llm_task_id == task.id


async def test_what_is_kept_is_what_was(tmp_path, endpoints):
    async with played(tmp_path, endpoints) as (place, answering):
        task = await place.ask(provider="vllm", session="talk")
        await answering.say(PROMPT, "x", None)
        ended = await place.end_of(task)
        kept = keeping.task(KeptTasks(place.state).one(task.id))
        assert (kept.status, kept.asked_provider, kept.party, kept.duration_s) == ("COMPLETED", "vllm", ended.party, ended.duration_s)
        assert kept.session is None


def test_so_many_are_kept(tmp_path):
    with State(tmp_path / "state.sqlite3") as state:
        kept = KeptTasks(state)
        with state.writing() as connection:
            connection.execute("INSERT INTO tasks(id, ended, body) VALUES('unfinished', 0, '{}')")
            connection.executemany("INSERT INTO tasks(id, ended, body) VALUES(?, 1, '{}')", [(str(each),) for each in range(MOST_TASKS)])
        kept.begun(TaskRow("new", False, "{}"))
        assert kept.one("new") == kept.one("unfinished") == "{}"
        assert kept.one("0") is None
        assert len(kept.newest(2 * MOST_TASKS)) == MOST_TASKS + 1


def test_without_semantic_kernel_the_words_say_what_to_install(monkeypatch):
    monkeypatch.setattr("venom_otel.services.tasks.kernel._NEEDED", ("semantic_kernel", "no_such_package_at_all"))
    with pytest.raises(MissingExtraError, match=r"no_such_package_at_all.*pip install 'venom-otel\[cockpit,instruments\]'"):
        KernelAnswers(None, None, stall_s=1).check()
