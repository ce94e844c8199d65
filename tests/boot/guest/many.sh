# Many guests: twenty small ones at once, each of which gets on with its work and costs the hypervisor
# few pages; a hundred created and destroyed in a row, after which not a page is missing. Under -icount:
# the tools' time-outs then count instructions, so a loaded host cannot make them pass.
. /argon/lib.sh
. /argon/services.sh
. /argon/guest.sh
: "${AT_ONCE:=20}" "${IN_A_ROW:=100}"

small() { # NAME
    printf '%s\n' "name = \"$1\"" 'kernel = "/guest/load"' 'memory = 16' 'on_crash = "destroy"' >"/tmp/$1.cfg"
    xl create -q -e "/tmp/$1.cfg"
}
free_pages() { counts | awk '/^free/ { print $2 }'; }
guests() { counts | awk '/^dom/ && $2 > 0' | wc -l; }
none_left() { [ "$(guests)" = 0 ]; }
up() { console_has "$1" "load: up"; }
type_to_all() { for tty in $ttys; do printf %s "$1" >"$tty"; done; }

check "services start" start_stock
check "a first guest" small w
check "it is up" wait_for 60 up w
xl destroy w
check "it is gone" wait_for 60 none_left
before=$(free_pages)

# --- at once
for i in $(seq "$AT_ONCE"); do small "s$i" || outcome FAILURE "s$i cannot be created"; done
check "there are $AT_ONCE" test "$(guests)" = "$AT_ONCE"
for i in $(seq "$AT_ONCE"); do
    wait_for 120 up "s$i" || outcome FAILURE "s$i does not come up"
done
ttys=$(xenstore-ls -f /local/domain | sed -n 's/.*console\/tty = "\(.*\)"/\1/p')
counts >/tmp/now
each=$(awk -v before="$before" '/^free/ { free = $2 } /^dom/ && $2 > 0 { n++; own += $3 } END { printf "%.1f", (before - free - own) / n }' /tmp/now)
note "pages of the hypervisor for each guest: $each"
check "fewer than 12 ($each)" awk -v n="$each" 'BEGIN { exit !(n < 12 && n > 0) }'
# They idle but for this, or dom0 would have its share of 1 in 21 only.
type_to_all s
working() { counts -s 2 | awk '/^dom/ && $2 > 0 && $4 > 0 && $5 > 0' | wc -l; }
all_work() { [ "$(working)" = "$AT_ONCE" ]; }
check "all of them get on" wait_for 10 all_work
type_to_all i
for i in $(seq "$AT_ONCE"); do xl destroy "s$i" || outcome FAILURE "s$i cannot be destroyed"; done
check "all are gone" wait_for 60 none_left
after=$(free_pages)
check "and their memory is free ($before pages before, $after after)" test "$after" -ge $((before - 4))

# --- in a row
before=$after
for i in $(seq "$IN_A_ROW"); do
    small r || { outcome FAILURE "number $i in a row cannot be created"; break; }
    xl destroy r || outcome FAILURE "number $i in a row cannot be destroyed"
done
check "all are gone" wait_for 60 none_left
after=$(free_pages)
check "$IN_A_ROW in a row leave no trace ($before pages before, $after after)" test "$after" -ge "$before"
check "nor in the store" test "$(xenstore-ls /local/domain | grep -c '^[0-9]')" = 1

finish
