"""The two tiers: agents that take keys out, gateways that decide which traces are kept.

The exporter that spreads traces over gateways cannot be built here; a plain one with the same settings stands in for it.
"""

import re

import httpx
import pytest
import yaml
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from support import otlp
from support.collector import CONFIG, Collector
from support.otlp_sink import OtlpSink

from venom_otel import semconv

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SCALE = CONFIG.parent / "scale"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
KEPT = {
    "an error": {"status": Status.STATUS_CODE_ERROR},
    "a fallback": {"of": {semconv.LLM_ROUTE_FALLBACK: True}},
    "a cold start": {"of": {semconv.LLM_COLD_START: True}},
    "a slow first token": {"of": {semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: 2.5}},
}
LEFT = {
    "an ordinary one": {},
    "the first choice": {"of": {semconv.LLM_ROUTE_FALLBACK: False}},
    "a warm start": {"of": {semconv.LLM_COLD_START: False}},
    "a quick first token": {"of": {semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: 0.2}},
}
# https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/v0.155.0/exporter/loadbalancingexporter#configuration
LOAD_BALANCING = {"routing_key", "resolver", "protocol", "sending_queue", "retry_on_failure", "timeout", "routing_attributes"}
DNS_RESOLVER = {"hostname", "port", "interval", "timeout"}


@pytest.fixture(scope="module")
def agent_config(tmp_path_factory):
    """The agent's, with a plain exporter in place of the balancing one."""
    config = yaml.safe_load((SCALE / "agent.yaml").read_text(encoding="utf-8"))
    balancing = config["exporters"].pop("load_balancing")
    plain = {**balancing["protocol"]["otlp"], **{key: balancing[key] for key in ("sending_queue", "retry_on_failure")}}
    config["exporters"]["otlp_grpc/gateway"] = plain | {"endpoint": "${env:GATEWAY_HOST}"}
    config["service"]["pipelines"]["traces"]["exporters"] = ["otlp_grpc/gateway", "forward/cockpit"]
    path = tmp_path_factory.mktemp("agent") / "agent.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _trace(name, given):
    root = otlp.span(name=f"{name}: root")
    call = otlp.span(given.get("of"), parent=root, name=name, status=given.get("status", 0))
    return [root, call]


def test_errors_fallbacks_cold_starts_and_slow_first_tokens_are_kept(collector_program, agent_config, tmp_path):
    at_once = {"GATEWAY_SAMPLING_PERCENTAGE": "0", "GATEWAY_DECISION_WAIT": "2s", "GATEWAY_DECISION_WAIT_AFTER_ROOT": "1s"}
    with (
        OtlpSink() as tempo,
        OtlpSink() as copy,
        Collector(tmp_path / "gateway", SCALE / "gateway.yaml", tempo=tempo.url, **at_once) as gateway,
        Collector(tmp_path / "agent", CONFIG, agent_config, cockpit=copy.url, GATEWAY_HOST=gateway.grpc) as agent,
    ):
        assert [line for one in (gateway, agent) for line in one.log.splitlines() if "\tinfo\t" not in line] == []
        traces = {name: _trace(name, given) for name, given in (KEPT | LEFT).items()}
        for spans in traces.values():  # a trace's spans come in two requests, as from two services
            for span in spans:
                body = otlp.traces(span, service="app?api_key=secretvalue")
                httpx.post(f"{agent.url}/v1/traces", content=body, headers=PROTOBUF).raise_for_status()
        copy.wait_for_spans(2 * len(traces))
        kept = {span.span_id for name in KEPT for span in traces[name]}
        tempo.wait_for(lambda sink: {span.span_id for span in sink.spans} >= kept, 30)
        # A decision is made for all at the same tick; one more trace that is kept comes after all that were left out.
        last = _trace("a last error", KEPT["an error"])
        httpx.post(f"{agent.url}/v1/traces", content=otlp.traces(*last), headers=PROTOBUF).raise_for_status()
        tempo.wait_for(lambda sink: {span.span_id for span in sink.spans} >= {span.span_id for span in last}, 30)
        assert {span.span_id for span in tempo.spans} == kept | {span.span_id for span in last}
        assert {span.name for span in copy.spans} >= {span.name for spans in traces.values() for span in spans}
        assert b"secretvalue" not in b"".join(export.message.SerializeToString() for sink in (tempo, copy) for export in sink.exports)


def test_the_policies_go_by_names_that_are_sent():
    text = (SCALE / "gateway.yaml").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:llm|gen_ai)\.[a-z_.]+", text))
    assert names == {semconv.LLM_ROUTE_FALLBACK, semconv.LLM_COLD_START, semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK}
    assert names <= set(semconv.SPAN_ATTRIBUTES)


def test_the_balancing_exporter_is_told_nothing_that_it_does_not_know():
    """By its documentation: it is not among what can be built here."""
    exporter = yaml.safe_load((SCALE / "agent.yaml").read_text(encoding="utf-8"))["exporters"]["load_balancing"]
    assert exporter.keys() <= LOAD_BALANCING
    assert exporter["resolver"].keys() == {"dns"}
    assert exporter["resolver"]["dns"].keys() <= DNS_RESOLVER
    assert exporter["routing_key"] == "traceID"
