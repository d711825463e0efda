"""Each way in which Semantic Kernel makes a request gives the right tree: its own spans above, ours for the round trip, HTTP below."""

import asyncio

import pytest
from semantic_kernel import Kernel
from semantic_kernel.agents import (
    AgentGroupChat,
    ChatCompletionAgent,
    ConcurrentOrchestration,
    GroupChatOrchestration,
    RoundRobinGroupChatManager,
    SequentialOrchestration,
)
from semantic_kernel.agents.runtime import InProcessRuntime
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.functions import KernelArguments, KernelFunctionFromPrompt
from support import behaviours
from support.app import MODELS, OLLAMA, OPENAI, flushed, service_for, settings_for
from support.dialects import TEXT, Answer
from support.drive import Clock
from support.patience import WAIT_S

import venom_otel

TOOL_THEN_ANSWER = (behaviours.answers(Answer(tool="clock-time", finish="tool_calls")), behaviours.answers())
TIME = ("execute_tool clock-time", [])


class World:
    """An application with a kernel, a plugin and a span of its own around each piece of work."""

    def __init__(self, connector, kernel, server, capture, handle):
        self.connector = connector
        self.kernel = kernel
        self.capture = capture
        self._server = server
        self._handle = handle
        self.chat = (f"chat {MODELS[connector]}", [("POST", [])])

    async def work(self, make, *script):
        """Do something inside the application's own span, and return the spans below it."""
        self._server.play(*(script or (behaviours.answers(),)))
        with self.capture.tracer_provider.get_tracer("app").start_as_current_span("work"):
            self.result = await make()
        await flushed(self._handle)
        [root] = self.capture.tree()
        assert root[0] == "work"
        return root[1]

    def function(self, **more):
        settings = settings_for(self.connector, service_id="chat", **more)
        return KernelFunctionFromPrompt("ask", "app", prompt="Say {{$what}}.", prompt_execution_settings=settings)

    def agent(self, name):
        return ChatCompletionAgent(kernel=self.kernel, name=name, instructions="Be brief.", description=name)


@pytest.fixture(params=[OPENAI, OLLAMA])
async def world(request, servers, kernel_spans):
    server = servers[request.param]
    async with service_for(request.param, server.url, model=MODELS[request.param]) as service:
        kernel = Kernel(services=[service])
        kernel.add_plugin(Clock(), "clock")
        with venom_otel.instrument(kernel, **kernel_spans.telemetry) as handle:
            yield World(request.param, kernel, server, kernel_spans, handle)


def text_of(stream):
    async def read():
        return "".join([str(chunk[0]) async for chunk in stream])

    return read()


async def test_a_prompt_function(world):
    tree = await world.work(lambda: world.kernel.invoke(world.function(), KernelArguments(what="hello")))
    assert tree == [("execute_tool app-ask", [world.chat])]
    assert str(world.result) == TEXT


async def test_a_prompt(world):
    tree = await world.work(lambda: world.kernel.invoke_prompt("Say hello.", function_name="f", plugin_name="p"))
    assert tree == [("execute_tool p-f", [world.chat])]
    assert str(world.result) == TEXT


async def test_a_streamed_prompt_function(world):
    tree = await world.work(lambda: text_of(world.kernel.invoke_stream(world.function(), KernelArguments(what="hello"))))
    assert tree == [("execute_tool app-ask", [world.chat])]
    assert world.result == TEXT


async def test_a_streamed_prompt(world):
    tree = await world.work(lambda: text_of(world.kernel.invoke_prompt_stream("Say hello.", function_name="f", plugin_name="p")))
    assert tree == [("execute_tool p-f", [world.chat])]
    assert world.result == TEXT


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_automatic_function_invocation(stream, world):
    function = world.function(function_choice_behavior=FunctionChoiceBehavior.Auto())
    arguments = KernelArguments(what="the time")
    tree = await world.work(
        lambda: text_of(world.kernel.invoke_stream(function, arguments)) if stream else world.kernel.invoke(function, arguments),
        *TOOL_THEN_ANSWER,
    )
    assert tree == [("execute_tool app-ask", [("AutoFunctionInvocationLoop", [world.chat, TIME, world.chat])])]
    assert str(world.result).endswith(TEXT)


async def test_a_function_that_asks_a_model_itself(world):
    """The model calls a tool whose work is a request of its own: that is a child of the tool, not of the first request."""

    async def think():
        return str(await world.kernel.invoke_prompt("What time is it?", function_name="inner", plugin_name="p"))

    world.kernel.add_function("clock", KernelFunctionFromPrompt("guess", "clock", prompt="What time is it?"))
    function = world.function(function_choice_behavior=FunctionChoiceBehavior.Auto())
    script = (behaviours.answers(Answer(tool="clock-guess", finish="tool_calls")), behaviours.answers())
    tree = await world.work(lambda: world.kernel.invoke(function, KernelArguments(what="the time")), *script)
    inner = ("execute_tool clock-guess", [world.chat])
    assert tree == [("execute_tool app-ask", [("AutoFunctionInvocationLoop", [world.chat, inner, world.chat])])]


@pytest.mark.parametrize("how", ["get_response", "invoke", "invoke_stream"])
async def test_an_agent(how, world):
    async def ask():
        agent = world.agent("Ada")
        if how == "get_response":
            return str(await agent.get_response("What time is it?"))
        return "".join([str(response.message) async for response in getattr(agent, how)("What time is it?")])

    tree = await world.work(ask, *TOOL_THEN_ANSWER)
    assert tree == [("AutoFunctionInvocationLoop", [world.chat, TIME, world.chat])]
    assert world.result.endswith(TEXT)


@pytest.mark.filterwarnings("ignore:Accessing the 'model_fields' attribute on the instance:DeprecationWarning")  # Semantic Kernel's own
async def test_a_group_chat(world):
    async def talk():
        chat = AgentGroupChat(agents=[world.agent("Ada"), world.agent("Bob")])
        chat.termination_strategy.maximum_iterations = 3
        await chat.add_chat_message("Begin.")
        return [message.name async for message in chat.invoke()]

    tree = await world.work(talk)
    assert tree == [("AutoFunctionInvocationLoop", [world.chat])] * 3
    assert world.result == ["Ada", "Bob", "Ada"]


@pytest.mark.parametrize(
    ("make", "calls"),
    [
        (SequentialOrchestration, 2),
        (ConcurrentOrchestration, 2),
        (lambda members: GroupChatOrchestration(members=members, manager=RoundRobinGroupChatManager(max_rounds=3)), 3),
    ],
    ids=["sequential", "concurrent", "group chat"],
)
async def test_an_orchestration(make, calls, world):
    """Agents run in the runtime's own tasks, whose spans carry the trace from the one who asked."""

    async def conduct():
        runtime = InProcessRuntime(tracer_provider=world.capture.tracer_provider)
        runtime.start()
        asked = await make(members=[world.agent("Ada"), world.agent("Bob")]).invoke("Begin.", runtime)
        await asked.get(timeout=WAIT_S)
        await runtime.stop_when_idle()

    tree = await world.work(conduct)
    assert without_runtime(tree) == [("AutoFunctionInvocationLoop", [world.chat])] * calls


def without_runtime(tree):
    """The tree with the agent runtime's own spans taken out, their children in their place."""
    found = []
    for name, children in tree:
        below = without_runtime(children)
        found += below if name.startswith("agent_runtime") else [(name, below)]
    return found


async def test_functions_at_once_do_not_mix(world):
    tree = await world.work(
        lambda: asyncio.gather(*[world.kernel.invoke(world.function(), KernelArguments(what=str(number))) for number in range(10)])
    )
    assert tree == [("execute_tool app-ask", [world.chat])] * 10
