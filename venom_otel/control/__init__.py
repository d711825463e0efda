"""Starts, stops and restarts model servers by the commands that the settings name, and knows the processes it started.

`Controller` is the whole of it for the rooms above; what it leaves on disk is one log and one PID file for each server, which a script may
write as well.
"""

from venom_otel.control.controller import Controller
from venom_otel.control.model import Action, Life

__all__ = ["Action", "Controller", "Life"]
