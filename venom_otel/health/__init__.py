"""How the model servers are, at any time: looked at again and again, with state, since when, and why.

    with Monitor(functools.partial(find, settings), interval_s=10) as monitor:
        monitor.servers()

`condition` is the state machine, without input and output; `monitor` looks at servers in a thread of its own, and `metrics` measures what
it sees.
"""

from venom_otel.health.monitor import Look, Monitor, Server

__all__ = ["Look", "Monitor", "Server"]
