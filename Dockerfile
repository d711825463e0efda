# syntax=docker/dockerfile:1
# venom-otel: the cockpit and the monitor. docker build -t venom-otel .

FROM python:3.13-slim-bookworm AS build
WORKDIR /source
COPY requirements/cockpit.lock requirements/build.lock requirements/
# Everything is checked against the locks' hashes, what builds it included. Dependencies come before the sources, so that a change of
# ours leaves their layer as it is.
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.lock \
    && python -m venv --without-pip /opt/venom-otel \
    && python -m pip --python /opt/venom-otel/bin/python install --no-cache-dir --require-hashes -r requirements/cockpit.lock
COPY pyproject.toml README.md CHANGELOG.md LICENSE .env.example ./
# `venom-otel init` brings the scripts; the package has links to them.
COPY dashboards dashboards
COPY scripts scripts
COPY venom_otel venom_otel
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m pip --python /opt/venom-otel/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim-bookworm
RUN groupadd --gid 10001 venom && useradd --uid 10001 --gid venom --create-home --home-dir /var/lib/venom-otel --shell /usr/sbin/nologin venom
COPY --from=build /opt/venom-otel /opt/venom-otel
ENV PATH=/opt/venom-otel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VENOM_OTEL_HOST=0.0.0.0 \
    VENOM_OTEL_DATA_DIR=/var/lib/venom-otel/data
USER 10001:10001
WORKDIR /var/lib/venom-otel
EXPOSE 8765 4317 4318
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/api/v1/health', timeout=4)"]
ENTRYPOINT ["venom-otel"]
CMD ["up"]
