"""Semantic Kernel is imported when the first task comes: `up` starts without it, and works without it."""

import subprocess
import sys

PROGRAM = """
import sys
import venom_otel.api, venom_otel.cli.tasks, venom_otel.cli.up
print([name for name in ("semantic_kernel", "openai") if name in sys.modules])
"""


def test_nothing_of_it_is_imported_before():
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
