"""Who is really behind an endpoint: never guessed from a port or from a part of a URL.

In the order of what counts more:

1. what the user says (`VENOM_OTEL_PROVIDERS`, or `providers=` of `instrument()`), by service id or by address;
2. the server's own word, asked for with a handful of GETs that load no model (`fingerprints`, `asking`);
3. a public host that is known (`hosts`), which is not asked at all;
4. `unknown`; the host stays in `server.address`.

`endpoint` takes base URLs apart, `redaction` takes keys out of texts, `resolver` puts it all together off every call's path. Importing
these loads no HTTP client; that comes with the first question.
"""
