# Dom0 reaches userland on this shape of machine, with all processors and memory it was given.
# The host says in /argon/expect: processors, dom0 memory in MiB (start_info's, before reserves).
. /argon/lib.sh
read -r cpus mib </argon/expect
check "$cpus processors" test "$(nproc)" = "$cpus"
total=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
note "MemTotal: $total MiB of $mib"
# The kernel keeps some 116 MiB for itself, on Xen as well, and a little for each GiB.
check "most of $mib MiB is usable" test "$total" -gt $((mib * 63 / 64 - 130)) -a "$total" -le "$mib"
i=0
while [ $i -lt "$cpus" ]; do
    check "processor $i runs a process" taskset -c $i true
    i=$((i + 1))
done
# On a processor whose TSC it trusts, dom0 prefers that itself, on Xen as well.
check "the clock's source is Xen's or the TSC" grep -qE 'xen|tsc' \
    /sys/devices/system/clocksource/clocksource0/current_clocksource
a=$(date +%s)
check "the wall clock is of this century" test "$a" -gt 1700000000
check "the RTC agrees with it within a minute" sh -c '
    r=$(cat /sys/class/rtc/rtc0/since_epoch); d=$((r - $(date +%s))); [ ${d#-} -lt 60 ]'
finish
