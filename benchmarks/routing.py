"""What a routed service takes beside the service itself: per call, per streamed chunk and per HTTP 404.

    python benchmarks/routing.py                   5 rounds of measured CPU time
    python benchmarks/routing.py --quick           1 short round
    python benchmarks/routing.py --instructions    instructions counted by callgrind, no times

Every number is a part of the bare request, as in `overhead.py`, whose method this is: a routed service over one that answers; the same,
recorded, beside the bare service recorded; and one whose first service fails each time, beside the two requests which that makes.
"""

from __future__ import annotations

import argparse
import os
import sys
from statistics import median

from identity_server import IdentityServer
from overhead import HEADINGS, SCENARIOS, Shares, count_instructions, measure_times
from processes import MissingToolError

HTTP = "without-http"
SUBJECTS = ["bare", "venom_otel", "routing", "routing-recorded", "routing-after-a-failure"]
WORDS = {
    "bare": "the bare request against itself: the error of the method",
    "venom_otel": "recorded",
    "routing": "routed",
    "routing-recorded": "routed and recorded",
    "routing-after-a-failure": "routed, after a first service that answers 404",
}
TARGET = 0.15
"""Of the bare request: what routing may add to a call that the first service answers."""


def added(shares: Shares, subject: str, scenario: str) -> float:
    """The median over the rounds of what a subject adds, as a part of the bare request."""
    return median(shares[subject, HTTP][scenario])


def report(what: str, shares: Shares) -> None:
    """One table, and what of the recording is due to routing."""
    print(f"\n{what}: added to the bare request\n")
    print(f"| subject | {' | '.join(HEADINGS[name] for name in SCENARIOS)} |")
    print(f"|---|{'--:|' * len(SCENARIOS)}")
    for subject in SUBJECTS:
        print(f"| {WORDS[subject]} | {' | '.join(f'{added(shares, subject, name):+.1%}' for name in SCENARIOS)} |")
    own = [
        added(shares, "routing-recorded", name) - added(shares, "routing", name) - added(shares, "venom_otel", name) for name in SCENARIOS
    ]
    print(f"| the routed call's own span, by difference | {' | '.join(f'{part:+.1%}' for part in own)} |")


def main() -> int:
    """Measure what the arguments ask for. Exit 1: routing adds more to a call than the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of measured time (default 5)")
    parser.add_argument("--blocks", type=int, default=24, help="pairs of blocks in a round, for each request (default 24)")
    parser.add_argument("--quick", action="store_true", help="1 round of 4 pairs")
    parser.add_argument("--instructions", action="store_true", help="count instructions with callgrind instead of measuring time")
    options = parser.parse_args()
    try:
        with IdentityServer() as server:
            if options.instructions:
                what, shares = "Instructions", count_instructions(server.base_url, SUBJECTS, [HTTP])
            else:
                rounds, blocks = (1, 4) if options.quick else (options.rounds, options.blocks)
                print(f"{rounds} rounds of {blocks} pairs; load average at the start: {os.getloadavg()[0]:.1f}")
                what, shares = "CPU time", measure_times(server.base_url, SUBJECTS, [HTTP], rounds, blocks)
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 2
    report(what, shares)
    share = added(shares, "routing", "call")
    print(
        f"\n{what}: a routed call takes {share:.1%} more than the bare one, target {TARGET:.0%}: {'met' if share <= TARGET else 'MISSED'}"
    )
    return 0 if share <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
