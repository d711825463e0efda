"""No key survives in any text, and texts without one are left as they are."""

import json
import time
from urllib.parse import quote

import pytest

from venom_otel.identity.redaction import MASK, redact

KEY = "Zx9-planted.KEY~42"

PLACES = [
    "http://user:{key}@host/v1 refused",
    "http://{key}@host/v1",
    "http://user:x@{key}@host:8000/v1/chat",
    "http://user:a?{key}@host/v1",
    "http://user:{key}?b@host/v1",
    "http://user:{key}/b@host/v1",
    "http://user:{key}#b@host/v1",
    "http://?whatever={key}",
    "https://host/v1?whatever={key}",
    "https://host/v1?mail=a@b.c&whatever={key}",
    "https://host/v1?a=b&c={key}#d",
    "https://host/v1#{key}",
    "Client error '401 Unauthorized' for url 'https://host/v1?key={key}'",
    "GET /v1/models?api_key={key}&limit=1",
    "GET /v1/models?limit=1&access_token={key} HTTP/1.1",
    "Authorization: Bearer {key}",
    "authorization: {key}",
    "Authorization: ApiKey {key}",
    "Authorization: Basic {key}==",
    "PROXY-AUTHORIZATION : Digest {key}",
    "sent with Bearer {key}, refused",
    "x-api-key: {key}",
    "api-key={key}",
    "X-Goog-Api-Key: {key}",
    "Ocp-Apim-Subscription-Key: {key}",
    "x-amz-security-token: {key}",
    "OPENAI_API_KEY={key}",
    "api key provided: {key}.",
    "Incorrect API key provided: {key}. You can find your API key at https://host/keys.",
    "Received API Key = {key}, Key Hash (Token) = abc",
    "password: {key}",
    "client_secret={key}&grant_type=x",
    "Cookie: session={key}; other=1",
    "Set-Cookie: a=1; session={key}",
    "{{'authorization': 'Bearer {key}', 'accept': '*/*'}}",
    "{{'api-key': '{key}'}}",
    "[(b'api-key', b'{key}'), (b'accept', b'*/*')]",
    "Headers([('x-api-key', '{key}')])",
    '{{"error": {{"message": "bad key", "api_key": "{key}"}}}}',
    '{{"error": {{"message": "no access", "key": "{key}"}}}}',
    '{{"apiKey":"{key}"}}',
    '{{"refresh_token" : "{key}"}}',
    '{{"detail":"{{\\"api_key\\": \\"{key}\\"}}"}}',
    "Error code: 401 - {{'error': {{'message': 'Incorrect API key provided: {key}'}}}}",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_masked_by_where_it_stands(place):
    text = place.format(key=KEY)
    assert KEY in text
    clean = redact(text)
    assert "planted" not in clean
    assert MASK in clean
    assert redact(clean) == clean


PLAIN = "Zx9planted42"
"""A key in which no word stands that a rule looks for."""


@pytest.mark.parametrize("name", ["key", "token", "secret", "password", "pwd", "sig", "signature", "code", "auth", "credential"])
def test_a_parameter_is_masked_to_its_end(name):
    assert redact(f"GET /v1/models?{name}=a,{PLAIN}&limit=1") == f"GET /v1/models?{name}={MASK}&limit=1"


@pytest.mark.parametrize("kind", ["api", "access", "secret", "subscription", "account", "private", "master", "virtual", "auth"])
@pytest.mark.parametrize("name", ["{kind}-key", "{kind}_keys", "{kind} key id", "{kind}key"])
def test_each_kind_of_key_is_masked_by_its_name(kind, name):
    field = name.format(kind=kind)
    assert redact(f"{field}: {PLAIN}") == f"{field}: {MASK}"


@pytest.mark.parametrize("name", ["authorization", "token", "secret", "password", "passwd", "pwd", "credential", "signature"])
def test_a_field_is_masked_by_its_name(name):
    assert redact(f"{name}: {PLAIN}") == f"{name}: {MASK}"
    assert redact(f"my-{name}='two {PLAIN}'") == f"my-{name}='{MASK}'"


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "Digest", "Negotiate", "AWS4-HMAC-SHA256"])
def test_what_follows_a_scheme_is_masked(scheme):
    assert redact(f"sent with {scheme} {PLAIN}, refused") == f"sent with {scheme} {MASK}, refused"


@pytest.mark.parametrize(
    "word",
    ["auth", "authentication", "token", "tokens", "or", "and", "scheme", "header", "credential", "credentials", "key", "is", "required"],
)
def test_words_that_speak_of_a_scheme_are_left(word):
    text = f"no bearer {word} here"
    assert redact(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "sk-abcdef0123456789",
        "sk-proj-Ab_c-9",
        "sk-ant-api03-xyz",
        "sk-abc*****wxyz",
        "pk-lf-0123456789",
        "rk-0123456789",
        "gsk_abcdef0123456789",
        "hf_abcdefABCDEF",
        "nvapi-abcdef0123456789",
        "xai-abcdef0123456789",
        "pplx-abcdef0123456789",
        "ghp_abcdef0123456789",
        "gho_abcdef0123456789",
        "github_pat_abcdef0123456789",
        "glpat-abcdef0123456789",
        "csk-abcdef0123456789",
        "fw_abcdef0123456789",
        "r8_abcdef0123456789",
        "xoxb-0123456789-abcdef",
        "xoxp-0123456789-abcdef",
        "AIzaSyA0123456789abcdefghij",
        "ya29.a0AbCdEfGhIjKl",
        "AKIA0123456789ABCDEF",
        "ASIA0123456789ABCDEF",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def",
    ],
)
@pytest.mark.parametrize("place", ["{key}", "what is {key}?", '"{key}"', "a={key},b", "({key})", "Unknown:{key}\n"])
def test_a_key_is_masked_by_its_shape(place, key):
    clean = redact(place.format(key=key))
    assert key not in clean
    assert clean == place.format(key=MASK)


SECRETS = ["swordfish", 'quo"ted', "per/cent+&", "schlüssel", "two words", "nested", "nested-longer"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", [str, lambda secret: quote(secret, safe=""), json.dumps])
def test_known_secrets_are_masked_however_they_are_written(secret, form):
    clean = redact(f"it said <{form(secret)}>, twice <{form(secret)}>", SECRETS)
    assert secret not in clean
    assert quote(secret, safe="") not in clean
    assert clean.count(MASK) == 2
    assert "longer" not in clean


def test_the_shortest_secret():
    assert redact("it said <abcd>, not <abc>", ["abcd", "abc"]) == f"it said <{MASK}>, not <abc>"


@pytest.mark.parametrize(
    "dummy",
    [
        "ollama",
        "EMPTY",
        "none",
        "x",
        "",
        "abc",
        "not-needed",
        "vLLM",
        "Bearer",
        "basic",
        "dummy",
        "fake",
        "llamacpp",
        "lm-studio",
        "null",
        "test",
    ],
)
def test_words_that_stand_for_no_key_are_left(dummy):
    text = f"model not found, try pulling it with: ollama pull llama3 <{dummy}>"
    assert redact(text, [dummy]) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model 'no-such-model' not found",
        "Error code: 404 - {'error': {'message': \"model 'm' not found\", 'type': 'api_error', 'param': None, 'code': None}}",
        "The model `m` does not exist. Valid aliases: gemma-3.",
        "Rate limit reached for tokens per min (TPM): Limit 10000, Used 9000. Please try again in 2s.",
        "max_tokens: 5, prompt_tokens=3, total_tokens: 8",
        "Unexpected token: }",
        "Missing bearer or basic authentication in header",
        "the request exceeds the available context size (256 tokens), try increasing it",
        "Client error '404 Not Found' for url 'http://localhost:11434/api/chat'",
        "[Errno 111] Connection refused",
        "server busy, please try again.  maximum pending requests exceeded",
        "KeyError: 'choices'",
        "a risk-free desk-bound task-force",
        "see https://platform.example.com/account/api-keys.",
    ],
)
def test_innocent_texts_are_left(text):
    assert redact(text, [KEY]) == text


@pytest.mark.parametrize(
    "piece",
    ["a", "a-", "word ", "http://", "://", "@", "?a=", "sk-", "token ", "token: ", "cookie:", "bearer ", '"key":', "\\", "eyJ", "api_key "],
)
def test_time_grows_linearly(piece):
    """Quadratic patterns take minutes for these texts."""
    text = piece * (200_000 // len(piece))
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 5
