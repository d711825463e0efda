# The project's commands. `make up` and `make test` are all a newcomer needs; docs/development.md says what each one builds, and where.
# Written for GNU make 3.81, which is macOS's.

PYTHON_BIN := .venv/bin/python
# More words for the command behind a target: make up ARGS="--port 9000", make test ARGS="tests/identity -x"
ARGS ?=
# Tests wait more than they compute. A file's tests stay with one process, for they share the servers that they start.
WORKERS ?= 2

COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
VLLM_COMPILE := pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes --no-emit-index-url \
	--override requirements/vllm-overrides.txt

.PHONY: help up test lint types contracts format docs dashboards dashboards-preview lock ollama llamacpp exporters collector prometheus grafana-schema chromium test-vllm benchmark install

help:
	@echo "make up        install what is needed, then show the page and listen for telemetry"
	@echo "make test      install and build what the tests need, then run them"
	@echo "make lint      check style: ruff, shellcheck, and that dashboards/ is what the code makes"
	@echo "make types     check types: mypy"
	@echo "make contracts check which room imports which: import-linter"
	@echo "make format    format and fix what ruff can"
	@echo "make docs      write the generated parts of docs/"
	@echo "make dashboards write the Grafana dashboards and alert rules into dashboards/"
	@echo "make dashboards-preview draw the dashboards by Grafana's own components, without Grafana, into test-logs/dashboards/"
	@echo "make lock      write requirements/*.lock; ARGS=--upgrade takes newer versions"
	@echo "make test-vllm run a real vLLM on the CPU and test against it: 3 GiB of downloads, started by hand only"
	@echo "make benchmark measure what instrumentation adds"

up:
	@tools/bootstrap cockpit
	@.venv/bin/venom-otel up $(ARGS)

test: install chromium ollama llamacpp exporters collector prometheus grafana-schema
	$(PYTHON_BIN) -m pytest -n $(WORKERS) --dist loadfile --junit-xml=test-logs/junit.xml $(ARGS)

lint: install
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m ruff format --check .
	.venv/bin/shellcheck -x scripts/llm/*.sh tools/bootstrap
	$(PYTHON_BIN) -m venom_otel.grafana --check

types: install
	$(PYTHON_BIN) -m mypy

contracts: install
	.venv/bin/lint-imports --no-logo

format: install
	$(PYTHON_BIN) -m ruff check --fix .
	$(PYTHON_BIN) -m ruff format .

dashboards: install
	$(PYTHON_BIN) -m venom_otel.grafana

dashboards-preview: install chromium prometheus
	$(PYTHON_BIN) -m tools.dashboards_preview $(ARGS)

docs: install
	$(PYTHON_BIN) -m tools.docs

ollama: install
	@$(PYTHON_BIN) -m tools.build_ollama

llamacpp: install
	@$(PYTHON_BIN) -m tools.build_llamacpp

exporters: install
	@$(PYTHON_BIN) -m tools.exporters

collector: install
	@$(PYTHON_BIN) -m tools.build_collector

prometheus: install
	@$(PYTHON_BIN) -m tools.build_prometheus

grafana-schema: install
	@$(PYTHON_BIN) -m tools.grafana_schema

chromium: install
	@$(PYTHON_BIN) -m tools.chromium

test-vllm: install
	$(PYTHON_BIN) -m tools.run_vllm $(PYTHON_BIN) -m pytest tests/e2e/vllm_by_hand.py $(ARGS)

benchmark: install
	$(PYTHON_BIN) benchmarks/overhead.py $(ARGS)

# The variable keeps the real command, with its paths, out of the heads of the files.
lock: export UV_CUSTOM_COMPILE_COMMAND := make lock
lock:
	@uv=$$(tools/bootstrap uv) && \
	"$$uv" $(COMPILE) $(ARGS) requirements/installer.in --output-file requirements/installer.lock && \
	"$$uv" $(COMPILE) $(ARGS) requirements/build.in --output-file requirements/build.lock && \
	"$$uv" $(COMPILE) $(ARGS) requirements/dev.in pyproject.toml --all-extras --output-file requirements/dev.lock && \
	"$$uv" $(COMPILE) $(ARGS) pyproject.toml --extra cockpit --extra instruments --constraint requirements/dev.lock \
		--output-file requirements/cockpit.lock && \
	"$$uv" $(COMPILE) $(ARGS) requirements/llamacpp.in --output-file requirements/llamacpp.lock && \
	"$$uv" $(COMPILE) $(ARGS) requirements/llamacpp-build.in --output-file requirements/llamacpp-build.lock && \
	"$$uv" $(VLLM_COMPILE) $(ARGS) requirements/vllm.in --output-file requirements/vllm.lock

install:
	@tools/bootstrap dev
