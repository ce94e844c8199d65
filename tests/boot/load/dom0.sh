# Dom0 under load keeps its data and its time: fork and exec, memory pressure, ballooning down and
# up, disk and network, all at once. /argon/expect: SECONDS SHA256-OF-THE-BLOB MiB.
. /argon/lib.sh
read -r seconds sum mib </argon/expect
target=/sys/devices/system/xen_memory/xen_memory0/target_kb
full=$(cat $target)
echo 3 >/proc/sys/kernel/printk
mkdir -p /tmp/load
now() { cut -d. -f1 /proc/uptime; }
end=$(($(now) + seconds))
running() { [ "$(now)" -lt $end ]; }
rounds() { echo "$1" >"/tmp/load/$2.rounds"; }
broken() { echo "$*" >>/tmp/load/broken; }
same() { [ "$(sha256sum | cut -d' ' -f1)" = "$sum" ]; }

storm() { # many short processes, each with a result
    local n=0
    while running; do
        for i in 1 2 3 4 5 6 7 8; do
            [ "$(sh -c "expr $i + 34")" = $((i + 34)) ] || broken "exec gave a wrong answer"
        done
        n=$((n + 8))
    done
    rounds $n "storm$1"
}

pressure() { # fill memory with what can be checked, give it back
    local n=0 i
    mkdir -p /tmp/fill && mount -t tmpfs -o size=$((full * 6 / 10))k tmpfs /tmp/fill
    while running; do
        for i in 1 2 3 4; do cp /tmp/blob /tmp/fill/$i || broken "tmpfs: copy failed"; done
        for i in 1 2 3 4; do same </tmp/fill/$i || broken "memory: copy $i differs"; done
        rm /tmp/fill/*
        n=$((n + 1))
    done
    rounds $n pressure
}

balloon() { # a quarter away and back; each time until it is so
    local n=0 info=/sys/devices/system/xen_memory/xen_memory0/info/current_kb kb
    while running; do
        for kb in $((full * 3 / 4)) "$full"; do
            echo $kb >$target
            wait_for 120 sh -c "[ \$((\$(cat $info) - $kb)) -le 1024 ] && [ \$(($kb - \$(cat $info))) -le 1024 ]" ||
                broken "balloon: $(cat $info) kB instead of $kb"
        done
        n=$((n + 1))
    done
    echo "$full" >$target
    rounds $n balloon
}

disk() {
    local n=0
    while running; do
        dd if=/dev/vda of=/dev/vdb bs=256k count=$((mib * 4)) conv=fsync 2>/dev/null || broken "disk: write failed"
        blockdev --flushbufs /dev/vdb
        head -c $((mib * 1048576)) /dev/vdb | same || broken "disk: what was written differs"
        n=$((n + 1))
    done
    rounds $n disk
}

net() {
    local n=0
    while running; do
        nc 10.0.2.100 1 </dev/null | same || broken "network: what was received differs"
        n=$((n + 1))
    done
    rounds $n net
}

clock() { # no clock ever goes back
    local n=0 was=0 up _ wall=0 t
    while running; do
        for i in 1 2 3 4 5 6 7 8 9 10; do
            read -r up _ </proc/uptime
            up=${up%.*}${up#*.}
            [ "$up" -ge $was ] || broken "uptime went back from $was to $up"
            was=$up
        done
        t=$(date +%s)
        [ "$t" -ge $wall ] || broken "the wall clock went back from $wall to $t"
        wall=$t
        n=$((n + 10))
    done
    rounds $n clock
}

ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
check "disks appear" wait_for 60 test -b /dev/vda -a -b /dev/vdb
head -c $((mib * 1048576)) /dev/vda >/tmp/blob
check "the blob arrives" same </tmp/blob
# Both of the same second: between two looks there may be a while.
both() {
    until wall=$(date +%s) up=$(now) && [ "$(date +%s)" = "$wall" ]; do :; done
}
both
wall_before=$wall up_before=$up
echo "load: begin at $(cut -d' ' -f1 /proc/uptime)"
storm 1 & storm 2 & pressure & balloon & disk & net & clock &
wait
echo "load: end at $(cut -d' ' -f1 /proc/uptime)"
both
wall=$((wall - wall_before)) up=$((up - up_before))
check "wall clock ($wall s) and uptime ($up s) agree" test $((wall - up)) -le 2 -a $((up - wall)) -le 2
[ ! -e /tmp/load/broken ] || sort /tmp/load/broken | uniq -c | head -20
check "nothing broke" test ! -e /tmp/load/broken
for f in storm1 storm2 pressure balloon disk net clock; do
    note "$f: $(cat /tmp/load/$f.rounds) rounds"
    check "$f got on" test "$(cat /tmp/load/$f.rounds)" -ge 1
done
check "no oops, lockup or stall in the log" sh -c \
    '! dmesg | grep -E "BUG|Oops|soft lockup|rcu.*stall|Call Trace|I/O error|hung_task"'
finish
