"""Public hosts whose owner is known, so that they need not be asked.

Provider names are the well-known values of `gen_ai.provider.name` in the GenAI semantic conventions 1.41.1 where there is one (and
`moonshot_ai` of their successor), else the service's own. Host names are those of each service's API reference.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from venom_otel import semconv
from venom_otel.identity.model import Identity

_PROVIDERS: Final = (
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("openai.azure.us", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("inference.ai.azure.com", "azure.ai.inference"),
    ("models.github.ai", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("api.mistral.ai", "mistral_ai"),
    ("codestral.mistral.ai", "mistral_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("*-aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("aiplatform.*.rep.googleapis.com", "gcp.vertex_ai"),
    ("bedrock-runtime.*.amazonaws.com", "aws.bedrock"),
    ("bedrock-runtime-fips.*.amazonaws.com", "aws.bedrock"),
    ("bedrock-runtime.*.amazonaws.com.cn", "aws.bedrock"),
    ("bedrock-runtime.*.api.aws", "aws.bedrock"),
    ("bedrock-runtime.*.vpce.amazonaws.com", "aws.bedrock"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("integrate.api.nvidia.com", "nvidia"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.together.xyz", "together_ai"),
    ("api.together.ai", "together_ai"),
    ("api.fireworks.ai", "fireworks_ai"),
    ("api.cerebras.ai", "cerebras"),
    ("api.sambanova.ai", "sambanova"),
    ("api.deepinfra.com", "deepinfra"),
    ("ollama.com", "ollama"),
)

_GATEWAYS: Final = (
    ("openrouter.ai", "openrouter"),
    ("router.huggingface.co", "huggingface"),
    ("gateway.ai.cloudflare.com", "cloudflare"),
    ("ai-gateway.vercel.sh", "vercel"),
    ("api.portkey.ai", "portkey"),
)
"""Hosts that hand requests on: who runs the model they do not say by their name."""


def by_host(host: str) -> Identity | None:
    """What a public host's name proves, or None. Whole labels are compared, from the right; a port never matters.

    Args:
        host: in lower case, without port, as in `Endpoint.host`.
    """
    labels = host.split(".")
    for pattern, provider in _PROVIDERS:
        if _covers(pattern, labels):
            return Identity(provider, semconv.SOURCE_HOST)
    for pattern, gateway in _GATEWAYS:
        if _covers(pattern, labels):
            return Identity(gateway=gateway)
    return None


def _covers(pattern: str, labels: list[str]) -> bool:
    """Whether the rightmost labels fit; `*` stands within one label only."""
    wanted = pattern.split(".")
    return len(labels) >= len(wanted) and all(map(fnmatchcase, labels[-len(wanted) :], wanted))
