"""What a routed call raises of its own. Every other error is a service's own, with a note that tells of all attempts."""

from __future__ import annotations

from semantic_kernel.exceptions import ServiceResponseException


class AttemptTimeoutError(ServiceResponseException, TimeoutError):
    """A service did not answer within the policy's time; caught by who catches Semantic Kernel's errors and by who catches time-outs."""
