"""What every test may use, and the rule that nothing is left out unseen: with `CI` set, a skipped test is a failed one."""

import os
import signal

import pytest

# Mistakes inside the instrumentation are silent in production; here they fail the test. Read when the package is first imported.
os.environ["VENOM_OTEL_RAISE_INTERNAL_ERRORS"] = "1"

# Programs under test are ended by signals. Below nohup, or started in a shell's background, these are ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

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
