#!/usr/bin/env bash
# Starts and stops Ollama: ollama_service.sh start|stop|restart|status
#
# Variables, from the environment or from .env in the working directory: OLLAMA_ENDPOINT, else OLLAMA_HOST; OLLAMA_COMMAND (the program,
# `ollama` by default); Ollama's own, such as OLLAMA_MODELS. docs/scripts.md says more.
set -euo pipefail

NAME=ollama
LABEL=Ollama
PROGRAM=OLLAMA_COMMAND
VARIABLES='OLLAMA_[A-Z0-9_]+'
# shellcheck source=scripts/llm/service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"

place() {
    if [ -n "${OLLAMA_ENDPOINT:-}" ]; then locate OLLAMA_ENDPOINT "$OLLAMA_ENDPOINT" 11434; else locate OLLAMA_HOST "${OLLAMA_HOST:-}" 11434; fi
}

compose() {
    split OLLAMA_COMMAND "${OLLAMA_COMMAND:-ollama}"
    COMMAND=(${WORDS[@]+"${WORDS[@]}"} serve)
}

clean_environment() {
    OLLAMA_HOST=$(address)
    export OLLAMA_HOST
    unset OLLAMA_ENDPOINT OLLAMA_COMMAND OLLAMA_START_COMMAND OLLAMA_STOP_COMMAND OLLAMA_RESTART_COMMAND
}

installing() { # PROGRAM
    echo "Ollama is not installed: there is no program $1. Install it (macOS: brew install ollama; elsewhere:" \
        "https://ollama.com/download), or name it: OLLAMA_COMMAND=/path/to/ollama"
}

service "$@"
