# For test scripts inside a machine: `. /argon/lib.sh`. The worst outcome sticks.
#   check "what must hold" COMMAND...   runs it; a failure is remembered and shown with its output
#   note TEXT                           a line for the log
#   finish                              prints the one line that the host reads; call it last
argon_worst=SUCCESS
argon_why=

note() { echo "  $*"; }

# outcome FAILURE|ERROR|SKIP "why"
outcome() {
    case $argon_worst:$1 in
    FAILURE:*) ;;
    *:FAILURE | SUCCESS:* | SKIP:ERROR) argon_worst=$1 argon_why=$2 ;;
    esac
}

check() {
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        note "ok: $what"
    else
        note "not ok: $what"
        note "command: $*"
        echo "$out" | sed 's/^/    | /'
        outcome FAILURE "$what"
    fi
}

finish() {
    if [ -n "$argon_why" ]; then
        echo "Test result: $argon_worst ($argon_why)"
    else
        echo "Test result: $argon_worst"
    fi
}

# contains TEXT PATTERN: grep -E as a check.
contains() { echo "$1" | grep -qE -e "$2"; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local left=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        usleep 200000
    done
}
