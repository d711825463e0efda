"""Public hosts: whole labels, from the right, and nothing else."""

import pytest

from venom_otel import semconv
from venom_otel.identity.endpoint import parse
from venom_otel.identity.hosts import by_host
from venom_otel.identity.model import Identity


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://API.OpenAI.com.:8443/v1", "openai"),
        ("https://my-resource.openai.azure.com/openai/deployments/x", "azure.ai.openai"),
        ("https://my-resource.openai.azure.us", "azure.ai.openai"),
        ("https://my-resource.cognitiveservices.azure.com", "azure.ai.openai"),
        ("https://my-project.services.ai.azure.com/models", "azure.ai.inference"),
        ("https://x.eastus.inference.ai.azure.com", "azure.ai.inference"),
        ("https://models.inference.ai.azure.com", "azure.ai.inference"),
        ("https://api.anthropic.com", "anthropic"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gcp.gemini"),
        ("https://aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("https://us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "aws.bedrock"),
        ("https://vpce-1-2.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "aws.bedrock"),
        ("https://integrate.api.nvidia.com/v1", "nvidia"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://api.perplexity.ai", "perplexity"),
        ("https://api.cohere.com", "cohere"),
        ("https://api.moonshot.ai/v1", "moonshot_ai"),
        ("https://us-south.ml.cloud.ibm.com", "ibm.watsonx.ai"),
        ("https://models.github.ai/inference", "azure.ai.inference"),
        ("https://codestral.mistral.ai/v1", "mistral_ai"),
        ("https://aiplatform.us.rep.googleapis.com", "gcp.vertex_ai"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "aws.bedrock"),
        ("https://bedrock-runtime.us-east-1.api.aws", "aws.bedrock"),
        ("https://api.cohere.ai/v1", "cohere"),
        ("https://api.moonshot.cn/v1", "moonshot_ai"),
        ("https://api.together.xyz/v1", "together_ai"),
        ("https://api.together.ai/v1", "together_ai"),
        ("https://api.fireworks.ai/inference/v1", "fireworks_ai"),
        ("https://api.cerebras.ai/v1", "cerebras"),
        ("https://api.sambanova.ai/v1", "sambanova"),
        ("https://api.deepinfra.com/v1/openai", "deepinfra"),
        ("https://ollama.com/v1", "ollama"),
    ],
)
def test_known(url, provider):
    assert by_host(parse(url).host) == Identity(provider, semconv.SOURCE_HOST)


@pytest.mark.parametrize(
    "host",
    [
        "api.openai.com.evil.example",
        "notapi.openai.com",
        "openai.com",
        "api.openai.company",
        "api-openai.com",
        "myopenai.azure.com",
        "openai.azure.com.example.org",
        "aiplatform.googleapis.com.example",
        "xaiplatform.googleapis.com",
        "googleapis.com",
        "bedrock-runtime.amazonaws.com",
        "bedrock-runtime.a.b.amazonaws.com",
        "s3.us-east-1.amazonaws.com",
        "api.x.ai.com",
        "localhost",
        "10.0.0.1",
        "openai",
        "vllm",
        "vllm.example.com",
        "ollama.example.com",
    ],
)
def test_unknown(host):
    assert by_host(host) is None


@pytest.mark.parametrize(
    ("host", "gateway"),
    [
        ("openrouter.ai", "openrouter"),
        ("router.huggingface.co", "huggingface"),
        ("gateway.ai.cloudflare.com", "cloudflare"),
        ("ai-gateway.vercel.sh", "vercel"),
        ("api.portkey.ai", "portkey"),
    ],
)
def test_a_gateway_is_no_provider(host, gateway):
    assert by_host(host) == Identity(semconv.PROVIDER_UNKNOWN, semconv.SOURCE_UNKNOWN, gateway)
