"""What every test may use, and the rule that nothing is left out unseen: with `CI` set, a skipped test is a failed one.

No test knows what is set on the machine for programs like ours; one that wants a variable sets it. Nor what runs there: model servers at
the usual ports are not found, neither here nor by programs of ours (support/programs).
"""

import os
import re
import signal
from types import MappingProxyType

import pytest
from support.patience import be_patient_with_http

# Read by the product, OpenTelemetry's SDK and clients of model servers. Not VLLM_URL, in which `make test-vllm` says where its server is.
TOLD = re.compile(r"(OTEL|VENOM_OTEL|LLM|OLLAMA|AZURE|AWS|GOOGLE)_\w+|\w+_(ENDPOINT|API_KEY|API_BASE|BASE_URL|COMMAND)")
for name in [name for name in os.environ if TOLD.fullmatch(name)]:
    del os.environ[name]

# Mistakes inside the instrumentation are silent in production; here they fail the test. Read when the package is first imported.
os.environ["VENOM_OTEL_RAISE_INTERNAL_ERRORS"] = "1"

from venom_otel.runtimes import names  # noqa: E402 - as the lines above say

# Before anybody else imports it: modules bind it by its name.
names.USUAL_PORTS = MappingProxyType({})

# A proxy is for what is fetched; the servers of tests are here. One spelling, so that a test that wants none can take it away.
os.environ["no_proxy"] = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "127.0.0.1", "localhost", "::1"]))
os.environ.pop("NO_PROXY", None)

# Programs under test are ended by signals. Below nohup, or started in a shell's background, these are ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

be_patient_with_http()

pytest_plugins = ["venom_otel.testing", "support.fixtures"]

SKIPS_FAIL = os.environ.get("CI", "").lower() in ("1", "true")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Judge a test."""
    return _judge((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Judge a module."""
    return _judge((yield))


def _judge(report):
    if SKIPS_FAIL and report.skipped:
        why = getattr(report, "wasxfail", None) or report.longrepr[-1]
        report.outcome = "failed"
        report.longrepr = f"CI runs every test, and this one did not run: {why}"
    return report
