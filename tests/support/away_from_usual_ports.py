"""Runs a command of ours as on a machine where nobody listens at the usual ports: `python away_from_usual_ports.py PROGRAM ARGUMENTS…`."""

import runpy
import sys
from types import MappingProxyType

from venom_otel.runtimes import names

names.USUAL_PORTS = MappingProxyType({})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
