# shellcheck shell=bash
# What vllm_service.sh and ollama_service.sh share: start, stop, restart and status of one model server, with a PID file and a log.
#
# The script that reads this sets NAME, LABEL, PROGRAM (the variable that may name the program) and VARIABLES (a pattern: what it takes from
# .env), and calls `service "$@"`. It has the functions `place`, which sets HOST and PORT by locate, `compose`, which sets COMMAND,
# `clean_environment`, which runs in the process that becomes the server, and `installing`, which says how. Paths are below the working directory, where .env lies. Exit statuses are those of
# LSB's init scripts. Written for bash 3.2, which is macOS's.

readonly SETTLE_S=3  # how long a server that does not answer yet is watched for an early end
readonly LOCK_S=60   # how long another start or stop is waited for
readonly LOG_BYTES=10485760 LOGS_KEPT=5
readonly DEAD=1 NOT_RUNNING=3 NOT_INSTALLED=5 NOT_CONFIGURED=6
HOST='' PORT='' COMMAND=() # the server's
PID='' WHO=''              # of its process: what the PID file holds
BOOT=''                    # which boot this is, on Linux; elsewhere nothing, and ps is asked where /proc is here
[ ! -r /proc/sys/kernel/random/boot_id ] || read -r BOOT </proc/sys/kernel/random/boot_id

say() { printf '%s: %s\n' "$NAME" "$*"; }
fail() { # STATUS WORDS: ends the script
    local status=$1
    shift
    printf '%s: %s\n' "$NAME" "$*" >&2
    exit "$status"
}

# --- settings ------------------------------------------------------------------------------------------------------------------------

# Take variables from .env whose names fit the pattern, as python-dotenv reads it: what the environment has wins, of two lines the last
# holds. The file is read, never run.
read_dotenv() { # PATTERN
    local line key value taken=' '
    local assignment='^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$'
    local single="^'(([^'\\]|\\\\.)*)'" double='^"(([^"\]|\\.)*)"'
    [ -f .env ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        [[ ${line%$'\r'} =~ $assignment ]] || continue
        key=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
        [[ $key =~ $1 ]] || continue
        [ -z "${!key+set}" ] || [[ $taken == *" $key "* ]] || continue
        if [[ $value == [\'\"]* ]]; then
            [[ $value =~ $single || $value =~ $double ]] || fail "$NOT_CONFIGURED" ".env: $key: its quote does not end in its line"
            value=${BASH_REMATCH[1]//\\\'/\'}
            value=${value//\\\"/\"}
            value=${value//\\\\/\\}
        else
            value=${value%%[[:space:]]#*}
            value=${value%"${value##*[![:space:]]}"}
        fi
        # shellcheck disable=SC2016 # the two characters themselves
        [[ $value != *'${'* ]] || fail "$NOT_CONFIGURED" ".env: $key: write its value out; \${…} is not replaced here"
        taken="$taken$key "
        export "$key=$value"
    done <.env
}

# Set WORDS to the words of a command line, by xargs: quotes and backslashes hold words together, nothing is replaced or run.
split() { # VARIABLE TEXT
    local lines line
    WORDS=()
    [[ $2 == *[![:space:]]* ]] || return 0
    lines=$(printf '%s\n' "$2" | xargs printf '%s\n' 2>/dev/null) || fail "$NOT_CONFIGURED" "$1: a quote in it does not end"
    while IFS= read -r line; do WORDS+=("$line"); done <<<"$lines"
}

# Set HOST and PORT to those of the one among some addresses that has no name, else of the first: http://host:port/v1,big=http://b:8000
locate() { # VARIABLE ADDRESSES PORT, the last for an address that has neither a port nor a scheme
    local one chosen='' rest=$2,
    local address='^([A-Za-z0-9_.-]+=)?((https?)://)?(\[[0-9A-Fa-f:.]+\]|[^][/:@]*)(:([0-9]+))?(/.*)?$'
    while [ -n "$rest" ]; do
        one=${rest%%,*} rest=${rest#*,}
        one=${one//[[:space:]]/}
        chosen=${chosen:-$one}
        if [[ -n $one && ! $one =~ ^[A-Za-z0-9_.-]+= ]]; then
            chosen=$one
            break
        fi
    done
    [[ $chosen =~ $address ]] || fail "$NOT_CONFIGURED" "$1: this is not an address like http://localhost:8000"
    HOST=${BASH_REMATCH[4]} PORT=${BASH_REMATCH[6]}
    case ${BASH_REMATCH[3]} in
        http) PORT=${PORT:-80} ;;
        https) PORT=${PORT:-443} ;;
        *) PORT=${PORT:-$3} ;;
    esac
    [[ $PORT =~ ^[0-9]{1,5}$ ]] && [ "$PORT" -ge 1 ] && [ "$PORT" -le 65535 ] || fail "$NOT_CONFIGURED" "$1: there is no port $PORT"
    HOST=${HOST#\[}
    HOST=${HOST%\]}
    HOST=${HOST:-127.0.0.1}
    case $HOST in
        localhost | *.localhost | 127.* | ::1 | 0.0.0.0 | :: | "$HOSTNAME") ;;
        *) fail "$NOT_CONFIGURED" "$1 names $HOST, another machine: $LABEL is started there, not here" ;;
    esac
}

# --- processes -----------------------------------------------------------------------------------------------------------------------

# Set STAT to what proc(5) says of a process from its state on: the name before that, in parentheses, may hold anything.
# Not by $(<file): where the file goes away just then, bash 5.2 ends the script.
proc_stat() { # PID
    STAT=''
    { IFS= read -r -d '' STAT || true; } 2>/dev/null <"/proc/$1/stat"
    STAT=${STAT##*) }
    [ -n "$STAT" ]
}

# What tells a process from a later one with the same PID: on Linux when it started, in ticks since the boot, and which boot that was.
identity() { # PID
    if [ -n "$BOOT" ]; then
        proc_stat "$1" || return 1
        # shellcheck disable=SC2086 # fields, of which the 22nd, counted from the PID, is the 20th
        set -- $STAT
        echo "${20} $BOOT"
    else
        # shellcheck disable=SC2046 # its words, with one blank between them
        set -- $(LC_ALL=C ps -o lstart= -p "$1")
        [ $# -gt 0 ] && echo "$*"
    fi
}

# Whether a process has ended, and only its parent has not heard of it.
zombie() { # PID
    if [ -n "$BOOT" ]; then proc_stat "$1" && [[ $STAT == [ZXx]* ]]; else [[ $(ps -o stat= -p "$1") == Z* ]]; fi
}

# Whether a process group has members that live.
group_lives() { # PGID
    local process state group
    kill -0 -- "-$1" 2>/dev/null || return 1
    if [ -n "$BOOT" ]; then
        for process in /proc/[0-9]*; do
            proc_stat "${process#/proc/}" || continue
            read -r state _ group _ <<<"$STAT"
            [[ $group != "$1" || $state == [ZXx] ]] || return 0
        done
        return 1
    fi
    ps -A -o pgid= -o stat= | awk -v group="$1" '$1 == group && $2 !~ /^Z/ { lives = 1 } END { exit !lives }'
}

# Set PID and WHO from a PID file; false where it holds none.
read_pid_file() {
    PID='' WHO=''
    [ -f "$PID_FILE" ] || return 1
    { IFS= read -r PID && IFS= read -r WHO; } <"$PID_FILE" || true
    [[ $PID =~ ^[1-9][0-9]*$ ]] || { PID=''; return 1; }
}

# Whether the process that the PID file names lives: that very one, not another that has got its number since.
lives() { read_pid_file && [ -n "$WHO" ] && [ "$(identity "$PID")" = "$WHO" ] && ! zombie "$PID"; }

answers() {
    local host=$HOST
    case $host in 0.0.0.0) host=127.0.0.1 ;; ::) host=::1 ;; esac
    (exec 3<>"/dev/tcp/$host/$PORT") 2>/dev/null
}

address() { case $HOST in *:*) echo "[$HOST]:$PORT" ;; *) echo "$HOST:$PORT" ;; esac }

# Run a command ten times a second until it is true, at most so many seconds.
within() { # SECONDS COMMAND...
    local end=$((SECONDS + 10#$1 + 1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# One start or stop at a time. The lock is a symbolic link that says who holds it: made and filled in one step everywhere.
lock() {
    mkdir -p -- "$RUN" "$LOGS"
    [ -w "$RUN" ] || fail 1 "$RUN is not writable: PID files go there"
    LOCK=$RUN/$NAME.lock HOLDER=''
    within "$LOCK_S" take_lock || fail 1 "another start or stop of $LABEL is under way (process ${HOLDER%% *}); if not, remove $LOCK*"
    trap 'rm -f -- "$LOCK"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}
take_lock() {
    ln -s "$$ $(identity $$)" "$LOCK" 2>/dev/null && return 0
    holder_lives || break_lock
    return 1
}
# Set HOLDER to who holds the lock; false where that process was killed.
holder_lives() {
    HOLDER=$(readlink "$LOCK") || return 0 # just given back
    [ "$(identity "${HOLDER%% *}")" = "${HOLDER#* }" ]
}
# Take away a lock whose holder was killed. One at a time, by a second link, and looked at once more: the slower one of two would else take
# away the lock that the quicker one has got since.
break_lock() {
    ln -s "$$" "$LOCK.broken" 2>/dev/null || return 0
    holder_lives || rm -f -- "$LOCK"
    rm -f -- "$LOCK.broken"
}

# --- systemd -------------------------------------------------------------------------------------------------------------------------

# Set UNIT to the command for a unit of the user's or the system's systemd, where one is and no program is named.
find_unit() {
    local scope
    UNIT=()
    [ -z "${!PROGRAM:-}" ] && command -v systemctl >/dev/null || return 1
    for scope in --user --system; do
        if systemctl "$scope" cat "$NAME.service" >/dev/null 2>&1; then
            UNIT=(systemctl "$scope")
            return 0
        fi
    done
    return 1
}

by_unit() { # ACTION
    local hint="sudo systemctl"
    [ "${UNIT[1]}" = --system ] || hint="systemctl --user"
    "${UNIT[@]}" --no-ask-password "$1" "$NAME.service" ||
        fail 1 "systemd did not $1 $NAME.service; its words are above. By hand: $hint $1 $NAME.service. Without systemd: set $PROGRAM=$NAME"
    say "$1 by systemd (${UNIT[1]#--} unit $NAME.service): done; its log: journalctl ${UNIT[1]} --unit $NAME.service"
}

# --- actions -------------------------------------------------------------------------------------------------------------------------

rotate_log() {
    local number size
    [ -f "$LOG" ] || return 0
    size=$(wc -c <"$LOG")
    [ "$size" -ge "$LOG_BYTES" ] || return 0
    for ((number = LOGS_KEPT; number > 1; number--)); do
        [ ! -f "$LOG.$((number - 1))" ] || mv -f -- "$LOG.$((number - 1))" "$LOG.$number"
    done
    mv -f -- "$LOG" "$LOG.1"
}

# The log's last lines, unless they would go into the log itself.
show_log() {
    if [ ! /dev/stderr -ef "$LOG" ]; then
        printf '%s: the last lines of %s:\n' "$NAME" "$LOG" >&2
        tail -n 20 -- "$LOG" >&2
    fi
}

# Start COMMAND as the leader of a session and process group of its own, which outlives this script and its terminal. Sets PID.
launch() {
    rotate_log
    (umask 077 && : >>"$LOG")
    printf '%s %s: starting: %s\n' "$(date -u '+%Y-%m-%dT%H:%M:%SZ')" "$NAME" "${COMMAND[*]}" >>"$LOG"
    local session=()
    if command -v setsid >/dev/null; then session=(setsid); else set -m; fi # with set -m, a group of its own at least
    (
        trap '' HUP
        trap - INT QUIT TERM EXIT
        clean_environment
        exec ${session[@]+"${session[@]}"} "${COMMAND[@]}" </dev/null >>"$LOG" 2>&1
    ) &
    PID=$!
    set +m
    WHO=$(identity "$PID") || WHO=''
    printf '%s\n%s\n' "$PID" "$WHO" >"$PID_FILE.new"
    mv -f -- "$PID_FILE.new" "$PID_FILE"
}

settled() { answers || ! lives; }

start() {
    ! lives || fail 1 "already running (process $PID)"
    if find_unit; then
        by_unit start
        return
    fi
    place
    compose
    type -P "${COMMAND[0]:-}" >/dev/null || fail "$NOT_INSTALLED" "$(installing "${COMMAND[0]:-}")"
    end_leftovers
    ! answers || fail 1 "not started: something that was not started from here answers at $(address) already"
    launch
    within "$SETTLE_S" settled || true
    if ! lives; then
        show_log
        rm -f -- "$PID_FILE"
        fail 1 "$LABEL ended at once"
    fi
    say "started (process $PID), $(answering); log: $LOG"
}

answering() { if answers; then echo "$(address) answers"; else echo "$(address) does not answer yet"; fi; }

# End the children of a server that was killed: they hold its memory, and its port perhaps. Where its PID is another process's now there
# are none: the kernel gives away no number that a group still has.
end_leftovers() {
    local now
    read_pid_file || return 0
    now=$(identity "$PID") || now=''
    if [[ -n $WHO && ( $now == "$WHO" || ( -z $now && $WHO == *"$BOOT" ) ) ]] && group_lives "$PID"; then end_group; fi
    rm -f -- "$PID_FILE"
}

end_group() {
    kill -TERM -- "-$PID" 2>/dev/null || kill -TERM "$PID" || fail 1 "process $PID cannot be ended; whose is it?"
    if ! within "$STOP_S" group_gone; then
        say "does not end within $STOP_S s of SIGTERM: SIGKILL"
        kill -KILL -- "-$PID" 2>/dev/null || kill -KILL "$PID" 2>/dev/null || true
        within 5 group_gone || fail 1 "process group $PID does not end"
    fi
}
group_gone() { ! group_lives "$PID" && ! lives; }

stop() {
    if lives; then
        end_group
        rm -f -- "$PID_FILE"
        say "stopped (process $PID)"
    elif find_unit; then
        by_unit stop
    else
        end_leftovers
        rm -f -- "$PID_FILE"
        place
        ! answers || fail 1 "not stopped: what answers at $(address) was not started from here"
        if [ -n "$PID" ]; then say "was dead already (process $PID)"; else say "not running"; fi
    fi
}

restart() {
    if ! lives && find_unit; then
        by_unit restart
        return
    fi
    place
    compose # what is wrong is said before anything is stopped
    if lives; then stop; fi
    start
}

status() {
    local state
    if lives; then
        place
        say "running (process $PID), $(answering)"
    elif find_unit; then
        state=$("${UNIT[@]}" is-active "$NAME.service") || true
        say "${state:-unknown}, says systemd (${UNIT[1]#--} unit $NAME.service)"
        [ "$state" = active ] || exit "$NOT_RUNNING"
    elif [ -n "$PID" ]; then
        say "dead: $PID_FILE names process $PID, which has ended; log: $LOG"
        exit "$DEAD"
    else
        place
        if answers; then say "not running from here, but something answers at $(address)"; else say "not running"; fi
        exit "$NOT_RUNNING"
    fi
}

service() {
    case $#${1:-} in
        1start | 1stop | 1restart | 1status) ;;
        *)
            echo "usage: $0 start|stop|restart|status" >&2
            exit 2
            ;;
    esac
    read_dotenv "^(VENOM_OTEL_(LOGS|RUN)_DIR|LLM_STOP_SECONDS|$VARIABLES)\$"
    LOGS=${VENOM_OTEL_LOGS_DIR:-logs} RUN=${VENOM_OTEL_RUN_DIR:-run}
    LOG=$LOGS/$NAME.log PID_FILE=$RUN/$NAME.pid
    STOP_S=${LLM_STOP_SECONDS:-30} # from SIGTERM to SIGKILL
    [[ $STOP_S =~ ^[0-9]+$ ]] || fail "$NOT_CONFIGURED" "LLM_STOP_SECONDS=$STOP_S: a whole number of seconds is needed"
    [ "$1" = status ] || lock
    "$1"
}
