"""Function invocation: the loop is the routed service's, each of its round trips is routed, and no function runs twice."""

import functools
import operator

import pytest
from semantic_kernel import Kernel
from semantic_kernel.agents import ChatCompletionAgent
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.contents import AuthorRole, FunctionCallContent, FunctionResultContent
from semantic_kernel.functions import KernelArguments, kernel_function
from support import behaviours, dialects
from support.app import MODELS, OLLAMA, OPENAI, flushed, history, settings_for
from support.dialects import TEXT, Answer
from support.routing import bodies, services_for

import venom_otel

orders = pytest.mark.parametrize("order", [(OLLAMA, OPENAI), (OPENAI, OLLAMA)], ids="-".join)
modes = pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])

CALLS_A_TOOL = behaviours.answers(Answer(tool="clock-time", finish="tool_calls"))
TIME = ("execute_tool clock-time", [])


class Clock:
    """Counts how often it was asked."""

    def __init__(self):
        self.asked = 0

    @kernel_function
    def time(self) -> str:
        """Tell the time."""
        self.asked += 1
        return "noon"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kernel(clock):
    found = Kernel()
    found.add_plugin(clock, "clock")
    return found


async def ask(service, kernel, *, stream, connector=OPENAI):
    """What the model says in the end, and the conversation."""
    settings, conversation = settings_for(connector, function_choice_behavior=FunctionChoiceBehavior.Auto()), history()
    if not stream:
        [answer] = await service.get_chat_message_contents(conversation, settings, kernel=kernel)
        return answer.content, conversation
    text = ""
    async for chunk in service.get_streaming_chat_message_contents(conversation, settings, kernel=kernel):
        text += chunk[0].content
    return text, conversation


@modes
@orders
async def test_a_server_that_fails_between_a_function_and_the_answer(order, stream, servers, urls, kernel, clock):
    """The other server answers, with the call and its result in the conversation that it gets; the function does not run again."""
    first, second = order
    servers[first].play(CALLS_A_TOOL, behaviours.refuses(dialects.BUSY))
    async with services_for({connector: urls[connector] for connector in order}) as services:
        text, conversation = await ask(venom_otel.fallback(services), kernel, stream=stream)
    assert (text, clock.asked) == (TEXT, 1)
    assert (len(servers[first].requests), len(servers[second].requests)) == (2, 1)
    [body] = bodies(servers[second])
    called, result = body["messages"][-2:]
    assert (called["tool_calls"][0]["function"]["name"], result["role"], result["content"]) == (
        "clock-time" if second == OPENAI else "time",  # Semantic Kernel's connector for Ollama leaves the plugin's name out
        "tool",
        "noon",
    )
    if second == OPENAI:
        assert called["tool_calls"][0]["id"] == result["tool_call_id"]
        assert isinstance(result["tool_call_id"], str)
    items = [item for message in conversation.messages for item in message.items]
    [call] = [item for item in items if isinstance(item, FunctionCallContent)]
    [found] = [item for item in items if isinstance(item, FunctionResultContent)]
    assert call.id == found.id


@modes
@orders
async def test_a_server_that_fails_first(order, stream, servers, urls, kernel, clock):
    first, second = order
    servers[first].play(behaviours.refuses(dialects.BUSY), behaviours.answers())
    servers[second].play(CALLS_A_TOOL, behaviours.answers())
    async with services_for({connector: urls[connector] for connector in order}) as services:
        text, _ = await ask(venom_otel.fallback(services), kernel, stream=stream)
    assert (text, clock.asked) == (TEXT, 1)
    assert [len(servers[connector].requests) for connector in order] == [1, 2]


@orders
async def test_each_server_is_offered_the_functions_in_its_own_form(order, servers, urls, kernel):
    servers[order[0]].play(behaviours.refuses(dialects.BUSY))
    async with services_for({connector: urls[connector] for connector in order}) as services:
        await ask(venom_otel.fallback(services), kernel, stream=False)
    [ollama], [vllm] = bodies(servers[OLLAMA]), bodies(servers[OPENAI])
    assert [tool["function"]["name"] for tool in ollama["tools"]] == ["clock-time"]
    assert [tool["function"]["name"] for tool in vllm["tools"]] == ["clock-time"]
    assert ("tool_choice" in ollama, vllm["tool_choice"]) == (False, "auto")


@modes
async def test_a_last_round_trip_without_functions(stream, servers, urls, kernel, clock):
    """After the most attempts Semantic Kernel takes the functions away; in a stream it just ends."""
    servers[OLLAMA].play(CALLS_A_TOOL)
    settings = settings_for(OLLAMA, function_choice_behavior=FunctionChoiceBehavior.Auto())
    settings.function_choice_behavior.maximum_auto_invoke_attempts = 2
    async with services_for(urls) as services:
        service = venom_otel.fallback(services)
        if stream:
            async for _ in service.get_streaming_chat_message_contents(history(), settings, kernel=kernel):
                pass
        else:
            await service.get_chat_message_contents(history(), settings, kernel=kernel)
    assert [bool(body.get("tools")) for body in bodies(servers[OLLAMA])] == [True, True] + ([] if stream else [False])
    assert clock.asked == 2


async def test_two_calls_of_a_stream_that_has_no_ids_stay_two(servers, urls, kernel, clock):
    """Semantic Kernel adds up calls that nothing tells apart; Ollama's have no ids."""

    async def calls_twice(exchange):
        call = {"function": {"name": "clock-time", "arguments": {}}}
        part = {
            "model": "m",
            "created_at": "2026-11-22T09:22:34Z",
            "message": {"role": "assistant", "content": "", "tool_calls": [call, call]},
        }
        await exchange.begin(200, dialects.Ollama.stream_type)
        for piece in (
            {**part, "done": False},
            {**part, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
        ):
            await exchange.send({**piece})
            await exchange.send("\n")
        await exchange.end()

    servers[OLLAMA].play(calls_twice, behaviours.answers())
    async with services_for(urls) as services:
        text, _ = await ask(venom_otel.fallback(services), kernel, stream=True)
    assert (text, clock.asked) == (TEXT, 2)


async def test_the_chunks_of_a_call_can_be_added_up_where_one_server_answers(servers, urls, kernel):
    servers[OLLAMA].play(behaviours.refuses(dialects.BUSY), behaviours.answers())
    servers[OPENAI].play(CALLS_A_TOOL, behaviours.answers())
    settings = settings_for(OLLAMA, function_choice_behavior=FunctionChoiceBehavior.Auto())
    whole = []
    async with services_for(urls) as services:
        async for chunk in venom_otel.fallback(services).get_streaming_chat_message_contents(history(), settings, kernel=kernel):
            whole.append(chunk[0])  # noqa: PERF401 - the stream's end is no part of it
    assert {chunk.ai_model_id for chunk in whole} == {MODELS[OPENAI]}
    assert functools.reduce(operator.add, [chunk for chunk in whole if chunk.role == AuthorRole.ASSISTANT]).content == TEXT


@modes
@orders
async def test_the_tree_of_an_automatic_function_invocation(order, stream, servers, urls, kernel, kernel_spans):
    first, second = order
    servers[first].play(CALLS_A_TOOL, behaviours.refuses(dialects.BUSY))
    async with services_for({connector: urls[connector] for connector in order}) as services:
        service = venom_otel.fallback(services)
        kernel.add_service(service)
        with venom_otel.instrument(kernel, **kernel_spans.telemetry) as handle:
            await ask(service, kernel, stream=stream)
            await flushed(handle)
    route, asked, other = f"route {MODELS[first]}", (f"chat {MODELS[first]}", [("POST", [])]), (f"chat {MODELS[second]}", [("POST", [])])
    assert kernel_spans.tree() == [("AutoFunctionInvocationLoop", [(route, [asked]), TIME, (route, [asked, other])])]


@pytest.mark.parametrize("how", ["get_response", "invoke", "invoke_stream"])
async def test_an_agent(how, servers, urls, kernel, clock):
    servers[OLLAMA].play(CALLS_A_TOOL, behaviours.refuses(dialects.BUSY))
    async with services_for(urls) as services:
        kernel.add_service(venom_otel.fallback(services))
        agent = ChatCompletionAgent(kernel=kernel, name="Ada", instructions="Be brief.")
        if how == "get_response":
            text = str(await agent.get_response("What time is it?"))
        else:
            text = "".join([str(response.message) async for response in getattr(agent, how)("What time is it?")])
    assert text.endswith(TEXT)
    assert clock.asked == 1


@modes
async def test_a_prompt_function(stream, servers, urls, kernel, clock):
    servers[OLLAMA].play(CALLS_A_TOOL, behaviours.refuses(dialects.BUSY))
    arguments = KernelArguments(settings=settings_for(OPENAI, function_choice_behavior=FunctionChoiceBehavior.Auto()))
    async with services_for(urls) as services:
        kernel.add_service(venom_otel.fallback(services))
        if stream:
            text = "".join([str(chunk[0]) async for chunk in kernel.invoke_prompt_stream("What time is it?", arguments=arguments)])
        else:
            text = str(await kernel.invoke_prompt("What time is it?", arguments=arguments))
    assert (text, clock.asked) == (TEXT, 1)
