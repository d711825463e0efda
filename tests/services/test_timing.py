"""What a request's time is cut into: by real replies' words, and by whatever a sender may say."""

import random

import pytest
from support.otlp import INTERNAL, SERVER, chat, request_id, span, traces
from support.patience import WAIT_S

from venom_otel.services.timing import TOLD, Part, of_list, of_request
from venom_otel.store.protocol import RequestStatus, RequestSummary, Signal

SECOND = 1_000_000_000
MS = 1_000_000
WAITS = "Ollama does not tell how long a request waits for its turn; the way there and back is in it, too."


def request(duration_ns, *, first=None, told=(None,) * 4, provider="ollama", endpoint="http://gpu:11434", status=RequestStatus.COMPLETED):
    return RequestSummary(
        sequence=1, trace_id="0" * 32, span_id="0" * 16, service=None, status=status, provider=provider, model="m", response_model=None,
        endpoint=endpoint, start_ns=0, duration_ns=duration_ns, first_chunk_ns=first, streaming=first is not None, input_tokens=None,
        output_tokens=None, error_kind=None, error_type=None, error_message=None, queue_ns=told[0], load_ns=told[1], prompt_ns=told[2],
        generation_ns=told[3],
    )  # fmt: skip


# Measured with Ollama 0.17.4 over /api/chat, the durations as its last line has them: with the model not in memory, with it there, and the
# third of three that were sent at once, of which it takes one at a time.
COLD = request(544_332_000, first=442_997_000, told=(None, 318_793_248, 35_865_170, 114_702_795))
WARM = request(156_801_000, told=(None, 1_497_888, 1_791_112, 117_602_227))
THIRD = request(2_836_596_000, first=2_023_401_000, told=(None, 1_317_391, 57_864_177, 790_994_616))


def test_a_cold_start_shows_as_what_it_took():
    timing = of_list(COLD)
    assert list(timing.parts) == [Part.LOAD, Part.PROMPT, Part.GENERATION, Part.UNKNOWN]
    assert timing.parts[Part.LOAD] == 318_793_248
    assert timing.parts[Part.UNKNOWN] == 544_332_000 - 318_793_248 - 35_865_170 - 114_702_795
    assert (timing.unknown, timing.tries, timing.divided) == (WAITS, 0, True)


def test_an_answer_that_came_whole_has_what_the_runtime_told():
    assert of_list(WARM).parts == {
        Part.LOAD: 1_497_888, Part.PROMPT: 1_791_112, Part.GENERATION: 117_602_227, Part.UNKNOWN: 35_909_773,
    }  # fmt: skip
    assert of_list(WARM).unknown == WAITS


def test_what_waited_before_its_first_token_is_unknown_and_what_came_after_the_last_is_the_way():
    timing = of_list(THIRD)
    after = 2_836_596_000 - 2_023_401_000 - 790_994_616
    assert timing.parts[Part.OTHER] == after
    assert timing.parts[Part.UNKNOWN] == 2_836_596_000 - 1_317_391 - 57_864_177 - 790_994_616 - after
    assert timing.parts[Part.UNKNOWN] > 1.9 * SECOND, "two answers of 0.9 s were before it"
    assert timing.unknown == WAITS


def test_llama_server_tells_prompt_and_generation_alone():
    """`timings` of tests/recordings/runtimes/llama-server/POST_chat_stream.http."""
    timing = of_list(request(9 * MS, first=5 * MS, told=(None, None, 526_000, 2_003_000), provider="llamacpp"))
    assert timing.parts == {Part.PROMPT: 526_000, Part.GENERATION: 2_003_000, Part.OTHER: 1_997_000, Part.UNKNOWN: 4_474_000}
    assert timing.unknown.startswith("llama.cpp does not tell how long a request waits")


def test_of_a_server_that_tells_nothing_a_stream_is_divided_where_it_began():
    timing = of_list(request(3 * SECOND, first=1_200 * MS, provider="vllm", endpoint="http://gpu:8000/v1"))
    assert timing.parts == {Part.UNTIL_FIRST: 1_200 * MS, Part.GENERATION: 1_800 * MS}
    why, what = timing.unknown.split(": ")
    assert why == "vLLM tells what it did of a single request in spans of its own alone (--otlp-traces-endpoint)"
    assert what == "until the first token it may have waited, loaded the model and read the prompt."
    assert timing.divided


def test_nothing_is_made_up_of_an_answer_that_came_whole():
    timing = of_list(request(3 * SECOND, provider="vllm", endpoint="http://gpu:8000/v1"))
    assert (timing.parts, timing.divided) == ({Part.UNKNOWN: 3 * SECOND}, False)
    assert timing.unknown.endswith("and the answer came whole; of a stream it would be known when the first token came.")


def test_ollama_says_where_it_would_tell():
    assert of_list(request(SECOND, endpoint="http://gpu:11434/v1")).unknown.startswith(
        "Ollama tells its times through its own API alone, not below /v1"
    )
    assert of_list(request(SECOND, provider="unknown")).unknown.startswith("The server does not tell")
    assert of_list(request(SECOND, provider=None)).unknown.startswith("The server does not tell")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RequestStatus.FAILED, "It failed before anything was told of its time."),
        (RequestStatus.CANCELLED, "It was given up before anything was told of its time."),
    ],
)
def test_what_did_not_end_well_had_no_time_to_tell(status, words):
    timing = of_list(request(SECOND, status=status))
    assert (timing.parts, timing.unknown) == ({Part.UNKNOWN: SECOND}, words)


def test_a_server_that_tells_all_leaves_nothing_unknown():
    timing = of_list(request(SECOND, told=(100 * MS, 0, 200 * MS, 600 * MS)))
    assert timing.parts == {Part.QUEUE: 100 * MS, Part.PROMPT: 200 * MS, Part.GENERATION: 600 * MS, Part.OTHER: 100 * MS}
    assert timing.unknown == ""


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ((1, None, None, None), "loading, the prompt and the generation"),
        ((None, 1, None, None), "waiting, the prompt and the generation"),
        ((1, 1, 1, None), "the generation"),
    ],
)
def test_what_is_missing_is_named(told, missing):
    assert of_list(request(SECOND, told=told, provider="x")).unknown == f"x does not tell of {missing}."


def test_a_stream_whose_server_tells_of_its_begin_alone_is_generated_from_the_first_piece_on():
    timing = of_list(request(SECOND, first=400 * MS, told=(None, 100 * MS, None, None)))
    assert timing.parts == {Part.LOAD: 100 * MS, Part.GENERATION: 600 * MS, Part.UNKNOWN: 300 * MS}
    assert timing.unknown == "Ollama does not tell of waiting and the prompt."


def test_a_server_that_tells_of_more_than_there_was_is_cut_and_it_is_said():
    timing = of_list(request(SECOND, told=(0, 0, SECOND, SECOND)))
    assert timing.parts == {Part.PROMPT: SECOND}
    assert timing.unknown == "Ollama tells of more time than the request took; what it told is cut to that."
    within = of_list(request(SECOND, told=(0, 0, 0, SECOND + 5 * MS)))
    assert (within.parts, within.unknown) == ({Part.GENERATION: SECOND}, ""), "clocks may differ by so little"


def test_the_parts_are_always_the_whole():
    dice = random.Random(20261123)
    for _ in range(5_000):
        duration = dice.choice([0, 1, SECOND, dice.randrange(10 * SECOND)])
        told = tuple(dice.choice([None, 0, dice.randrange(SECOND), dice.randrange(2**62)]) for _ in TOLD)
        first = dice.choice([None, 0, dice.randrange(10 * SECOND)])
        timing = of_list(request(duration, first=first, told=told, status=dice.choice(list(RequestStatus))))
        assert sum(timing.parts.values()) == duration
        assert all(ns > 0 for ns in timing.parts.values())
        assert list(timing.parts) == [part for part in Part if part in timing.parts]
        assert bool(timing.unknown) or not timing.parts.keys() & {Part.UNKNOWN, Part.UNTIL_FIRST}


# -- with the spans of a request -------------------------------------------------------------------------------------------------------
def calls(parent, *starts_ms, attribute="url.full"):
    begin = parent.start_time_unix_nano
    return [span({attribute: "http://gpu/v1/x"}, parent=parent, start_ns=begin + ms * MS, duration_ns=MS, name="POST") for ms in starts_ms]


async def timing_of(store, history, sent, *others):
    store.write(Signal.TRACES, traces(sent, *others)).result(WAIT_S)
    found = await history.request(request_id(sent))
    assert found is not None
    return of_request(found.summary, found.steps)


@pytest.mark.parametrize("attribute", ["url.full", "http.url"])
async def test_what_the_client_sent_again_is_a_part(store, history, attribute):
    sent = chat("vllm", more={"gen_ai.response.time_to_first_chunk": 2.5}, duration_ns=3 * SECOND)
    timing = await timing_of(store, history, sent, *calls(sent, 10, 600, 1_510, attribute=attribute))
    assert timing.parts == {Part.RESENT: 1_500 * MS, Part.UNTIL_FIRST: 990 * MS, Part.GENERATION: 500 * MS, Part.OTHER: 10 * MS}
    assert timing.tries == 3


async def test_a_failure_shows_how_long_was_tried(store, history):
    sent = chat("vllm", more={"llm.outcome": "error"}, duration_ns=3 * SECOND)
    timing = await timing_of(store, history, sent, *calls(sent, 0, 1_000, 2_900))
    assert timing.parts == {Part.RESENT: 2_900 * MS, Part.UNKNOWN: 100 * MS}


def llm_request(parent, queue, prefill, decode, start_ms=0):
    """The span that vLLM 0.32 sends of a request (`OutputProcessor.do_tracing`)."""
    latency = {"queue": queue, "model_prefill": prefill, "model_decode": decode}
    said = {f"gen_ai.latency.time_in_{name}": seconds for name, seconds in latency.items()}
    return span(said, name="llm_request", kind=SERVER, parent=parent, start_ns=parent.start_time_unix_nano + start_ms * MS)


async def test_vllm_tells_by_its_own_spans(store, history):
    """Of an answer that came whole, measured with vLLM 0.32.0 on a busy machine."""
    sent = chat("vllm", duration_ns=557_223_737)
    (post,) = calls(sent, 2)
    told = llm_request(post, 3.380000271135941e-05, 0.01878282400139142, 0.17714919699938037)
    timing = await timing_of(store, history, sent, post, told)
    assert timing.parts == {Part.QUEUE: 33_800, Part.PROMPT: 18_782_824, Part.GENERATION: 177_149_197, Part.OTHER: 361_257_916}
    assert (timing.unknown, timing.tries) == ("", 1)


async def test_a_stream_of_vllm_is_cut_by_its_word_too(store, history):
    sent = chat("vllm", more={"gen_ai.response.time_to_first_chunk": 1.25}, duration_ns=3 * SECOND)
    (post,) = calls(sent, 0)
    timing = await timing_of(store, history, sent, post, llm_request(post, 1.0, 0.125, 1.75))
    assert timing.parts == {Part.QUEUE: SECOND, Part.PROMPT: 125 * MS, Part.GENERATION: 1_750 * MS, Part.OTHER: 125 * MS}


async def test_of_several_tries_the_servers_last_word_counts(store, history):
    sent = chat("vllm", duration_ns=3 * SECOND)
    first, second = calls(sent, 0, 1_000)
    others = first, second, llm_request(second, 0.5, 0.25, 1.0, 10), llm_request(first, 9.0, 9.0, 9.0, 5)
    timing = await timing_of(store, history, sent, *others)
    assert timing.parts == {
        Part.RESENT: SECOND, Part.QUEUE: 500 * MS, Part.PROMPT: 250 * MS, Part.GENERATION: SECOND, Part.OTHER: 250 * MS,
    }  # fmt: skip


async def test_other_spans_are_no_tries(store, history):
    sent = chat(more={"llm.timing.prompt": 0.25, "llm.timing.generation": 1}, duration_ns=2 * SECOND)
    inside = span({"url.full": "http://elsewhere"}, parent=sent, kind=INTERNAL, start_ns=sent.start_time_unix_nano + SECOND)
    database = span({"db.system": "x"}, parent=sent, start_ns=sent.start_time_unix_nano + SECOND)
    early = span({"url.full": "http://elsewhere"}, parent=sent, start_ns=sent.start_time_unix_nano - SECOND)
    timing = await timing_of(store, history, sent, inside, database, early)
    assert timing.parts == {Part.PROMPT: 250 * MS, Part.GENERATION: SECOND, Part.UNKNOWN: 750 * MS}
    assert timing.tries == 1, "a clock that goes wrong makes nothing negative"


async def test_the_lists_word_holds_where_the_spans_are_gone(store, history):
    sent = chat(more={"llm.timing.prompt": 0.25, "llm.timing.generation": 1}, duration_ns=2 * SECOND)
    store.write(Signal.TRACES, traces(sent)).result(WAIT_S)
    summary = await history.summary(request_id(sent))
    assert of_request(summary, ()) == of_list(summary)
