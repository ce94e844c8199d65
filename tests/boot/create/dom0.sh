# What `axl create` costs beside `xl create` in the same dom0, in instructions of the whole machine
# (run with --icount): from the command's start to the first line of a guest of 16 MiB. Then many at
# once by axl: the last costs what the first did (within 2 %, and 3,000 for each that is there), and dom0 has less than 1 MiB less for each.
#   argon.guests=N (dom0's command line)   how many at once (200)
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit
most=$(sed -n 's/.*argon.guests=\([0-9]*\).*/\1/p' /proc/cmdline)
: "${most:=200}"

config() { # NAME
    printf '%s\n' "name = \"$1\"" 'kernel = "/guest/load"' 'memory = 16' >"$1.cfg"
}
# cost NAME COMMAND...: instructions until its guest's first line
cost() {
    local name=$1
    shift
    config "$name"
    cost_of "/var/log/xen/guest-$name.log" "load: up" "$@" "$name.cfg" 2>err |
        awk '/^BUSY/ { print $2 }'
}
gone() { ! axl domid "$1" 2>/dev/null; }
# The second time: what is only done once is done.
twice() { # WHAT COMMAND...
    local what=$1 n
    shift
    cost w "$@" >/dev/null
    axl destroy w
    wait_for 60 gone w
    n=$(cost w "$@")
    axl destroy w
    wait_for 60 gone w
    echo "COST $what ${n:-0}" >&2
    echo "${n:-0}"
}
available() { awk '/^MemAvailable/ { print $2 }' /proc/meminfo; }
stop_daemon() { # NAME
    kill -9 $(pidof "$1") 2>/dev/null
    while pidof "$1" >/dev/null; do usleep 10000; done
}

check "services start" start_stock
xl_stock=$(twice xl-with-stock-daemons xl create -q)
axl_stock=$(twice axl-with-stock-daemons axl create -q)
stop_daemon xenconsoled
stop_daemon xenstored
rm -f /run/xen/*.pid
check "Argon's daemons start" sh -c 'xenstored-lite && axl dom0-init && argon-consoled'
axl_ours=$(twice axl-with-argon-daemons axl create -q)
note "xl create: $xl_stock, axl create: $axl_stock, with Argon's daemons: $axl_ours"
check "a fifth of xl's" awk -v x="$xl_stock" -v a="$axl_ours" 'BEGIN { exit !(a > 1000 && a * 5 <= x) }'

# A tick of dom0's clock, or a page of its cache, falls into one guest's creation and not into another's: the least
# of three is compared with the least of the last three. Not the first three: they get memory that was wiped when the
# guests before ended, the others' is wiped now (512 instructions a page).
least() { sort -n | head -n 1; }

before=$(available)
i=0
: >costs
while [ $i -lt "$most" ]; do
    i=$((i + 1))
    n=$(cost "s$i" axl create -q)
    [ -n "$n" ] || { outcome FAILURE "guest $i cannot be created"; cat err; break; }
    echo "$n" >>costs
    [ $((i % 25)) != 2 ] || echo "COST axl-number-$i $n"
done
after=$(available)
first=$(sed -n 4,6p costs | least)
last=$(tail -n 3 costs | least)
note "each: $(tr '\n' ' ' <costs)"
check "$most guests run" test "$(axl list | awk 'NR > 2' | wc -l)" = "$most"
each=$(((before - after) / most))
note "KiB of dom0 for each guest: $each"
check "less than 1 MiB" test "$each" -lt 1024
check "the last costs what the first did ($first, $last)" \
    awk -v a="$first" -v b="$last" -v n="$most" 'BEGIN { exit !(a > 1000 && b < 1.02 * a + 3000 * n) }'
check "all end" sh -c 'for i in $(seq '"$most"'); do axl destroy s$i || exit 1; done'
check "none is left" test "$(axl list | wc -l)" = 2
finish
