#!/usr/bin/env bash
# Starts and stops vLLM with the model LLM_MODEL_NAME: vllm_service.sh start|stop|restart|status
#
# Variables, from the environment or from .env in the working directory: VLLM_ENDPOINT, LLM_MODEL_NAME, LLM_MODELS_DIR, VLLM_API_KEY,
# VLLM_ARGS (further arguments), VLLM_COMMAND (the program, `vllm` by default). docs/scripts.md says more.
set -euo pipefail

NAME=vllm
LABEL=vLLM
PROGRAM=VLLM_COMMAND
VARIABLES='LLM_MODEL_NAME|LLM_MODELS_DIR|(VLLM|HF|CUDA)_[A-Z0-9_]+'
# shellcheck source=scripts/llm/service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"

place() { locate VLLM_ENDPOINT "${VLLM_ENDPOINT:-127.0.0.1}" 8000; }

compose() {
    local model served short word
    split VLLM_COMMAND "${VLLM_COMMAND:-vllm}"
    COMMAND=(${WORDS[@]+"${WORDS[@]}"})
    choose_model
    # Under the name that the application asks for, which its replies then show, and under the others that the same model has.
    short=${served%/}
    short=${short##*/}
    COMMAND+=(serve "$model" --served-model-name "$served")
    [ "$short" = "$served" ] || COMMAND+=("$short")
    [ "$model" = "$served" ] || COMMAND+=("$model")
    COMMAND+=(--host "$HOST" --port "$PORT")
    split VLLM_ARGS "${VLLM_ARGS:-}"
    for word in ${WORDS[@]+"${WORDS[@]}"}; do
        [[ $word != --api[-_]key* ]] || fail "$NOT_CONFIGURED" "VLLM_ARGS: everybody here can read arguments: set VLLM_API_KEY instead"
        COMMAND+=("$word")
    done
}

# Set compose's `served`, the name, and `model`, what to load: a folder, the folder of that name among the models, or one of Hugging
# Face's, which vLLM fetches.
choose_model() {
    local folder
    served=${LLM_MODEL_NAME:-} folder=${LLM_MODELS_DIR:-models}/${LLM_MODEL_NAME:-}
    [ -n "$served" ] || fail "$NOT_CONFIGURED" "LLM_MODEL_NAME is not set: it says which model to serve, a folder below ${LLM_MODELS_DIR:-models}"
    [[ $served != -* && $served != *[[:cntrl:]]* ]] || fail "$NOT_CONFIGURED" "LLM_MODEL_NAME=$served: this is no model's name"
    if [ -d "$served" ]; then
        model=$served
    elif [ -d "$folder" ]; then
        model=$folder
    elif [[ $served =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ && $served != "${LLM_MODELS_DIR:-models}"/* ]]; then
        model=$served
    else
        fail "$NOT_CONFIGURED" "LLM_MODEL_NAME=$served: there is no folder $served or $folder"
    fi
}

# Variables of ours that vLLM would warn of, as their names begin with its own prefix.
clean_environment() {
    unset VLLM_ENDPOINT VLLM_COMMAND VLLM_ARGS VLLM_START_COMMAND VLLM_STOP_COMMAND VLLM_RESTART_COMMAND
}

installing() { # PROGRAM
    echo "vLLM is not installed: there is no program $1. Install it into an environment of its own (python3 -m venv vllm-env &&" \
        "vllm-env/bin/pip install vllm) and set VLLM_COMMAND=vllm-env/bin/vllm, or put it on PATH. See https://docs.vllm.ai"
}

service "$@"
