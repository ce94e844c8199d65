# Who gets how much of one processor, counted in instructions (-icount: no noise of the host): equal
# shares, weights and caps within 2 %; and a neighbour that spins, floods events, maps and unmaps all the
# grants it can have, churns its memory or its page tables takes no more than its share.
. /argon/lib.sh
. /argon/services.sh
. /argon/guest.sh
: "${SECONDS_EACH:=2}"

small() { # NAME
    printf '%s\n' "name = \"$1\"" 'kernel = "/guest/load"' 'memory = 16' 'on_crash = "destroy"' >"/tmp/$1.cfg"
    xl create -q -e "/tmp/$1.cfg"
}
up() { console_has "$1" "load: up"; }
type_to() { printf %s "$2" >"$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty")"; }
weigh() { xl sched-credit2 -d "$1" -w "$2" -c "$3"; }

# measure: time goes by; then part/work/rate NAME say what NAME got of it.
measure() { sleep 1; counts -s "$SECONDS_EACH" >/tmp/now; }
of() { awk -v id="$(xl domid "$1")" -v f="$2" '/^dom/ && $2 == id { print $f }' /tmp/now; }
elapsed() { awk '/^elapsed/ { print $2 }' /tmp/now; }
dom0() { awk '/^dom 0 / { print $4 }' /tmp/now; }
# near VALUE EXPECTED: within 2 % of it.
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a / b - 1; printf "%.0f, expected %.0f (%+.2f %%)\n", a, b, 100 * d; exit !(d < 0.02 && d > -0.02) }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.0f, at least %.0f (%+.2f %%)\n", a, b, 100 * (a / b - 1); exit !(a >= b) }'; }
calc() { awk "BEGIN { printf \"%.0f\", $* }"; }
# expect "what" near|at_least VALUE EXPECTED: a check whose numbers are seen in any case.
expect() { note "$1: $("$2" "$3" "$4")"; check "$1" "$2" "$3" "$4"; }

check "services start" start_stock
for g in a b c; do
    small $g
    check "$g is up" wait_for 60 up $g
    type_to $g s
done

measure
sum=$(calc "$(of a 4) + $(of b 4) + $(of c 4)")
for g in a b c; do expect "equal weights: $g has a third" near "$(of $g 4)" "$(calc "$sum / 3")"; done
expect "what a guest does is its time" near "$(calc "$(of a 5) * 1000000000 / $(of a 4)")" "$(calc "$(of b 5) * 1000000000 / $(of b 4)")"
rate=$(calc "$(of a 5) * 1000000000 / $(of a 4)")

weigh a 128 0; weigh b 256 0; weigh c 512 0
measure
sum=$(calc "$(of a 4) + $(of b 4) + $(of c 4)")
expect "weight 128 of 896" near "$(of a 4)" "$(calc "$sum / 7")"
expect "weight 256 of 896" near "$(of b 4)" "$(calc "$sum * 2 / 7")"
expect "weight 512 of 896" near "$(of c 4)" "$(calc "$sum * 4 / 7")"

weigh a 256 20; weigh b 256 0; weigh c 256 0
measure
expect "a cap of 20 %" near "$(of a 4)" "$(calc "$(elapsed) * 0.20")"
expect "the others share the rest" near "$(of b 4)" "$(of c 4)"

# --- b is the neighbour, a the one who must not suffer.
weigh a 256 0
type_to c i
type_to b "d$(xl domid b)d"
for work in s g m p; do
    type_to b $work
    measure
    expect "'$work': half of what dom0 leaves" at_least "$(of a 4)" "$(calc "($(elapsed) - $(dom0)) / 2 * 0.98")"
    expect "'$work': its time is worth as much" at_least "$(calc "$(of a 5) * 1000000000 / $(of a 4)")" "$(calc "$rate * 0.98")"
    check "'$work': the neighbour is at it" test "$(of b 5)" -gt 10
done
# Dom0 has to answer every event: then it is a third one at work.
type_to b e
measure
expect "'e': a third at least" at_least "$(of a 4)" "$(calc "$(elapsed) / 3 * 0.98")"
expect "'e': its time is worth as much" at_least "$(calc "$(of a 5) * 1000000000 / $(of a 4)")" "$(calc "$rate * 0.98")"
check "'e': the neighbour is at it" test "$(of b 5)" -gt 10
for g in a b c; do check "destroy $g" xl destroy $g; done
finish
