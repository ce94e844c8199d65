# xenstored-lite against Debian's xenstored in the same dom0, in instructions (run with --icount): its
# operations per second are more than twice the other's, and do not depend on the number of guests. The least of
# four rounds of twelve operations each.
. /argon/lib.sh
mkdir -p /tmp/lite
# Debian's returns before its child has written the file.
xenstored --pid-file /run/xen/xenstored.pid || outcome ERROR "xenstored does not start"
check "xenstored serves" wait_for 60 test -s /run/xen/xenstored.pid
xenstore_bench "$(cat /run/xen/xenstored.pid)" 12 >/tmp/stock
kill -9 "$(cat /run/xen/xenstored.pid)"
rm -f /run/xen/xenstored.pid
xenstored-lite --pid-file /run/xen/xenstored.pid || outcome ERROR "xenstored-lite does not start"
xenstore_bench "$(cat /run/xen/xenstored.pid)" 12 >/tmp/ours
echo "operation               stock: whole  daemon    lite: whole  daemon   ratio: whole daemon"
join -j 2 /tmp/stock /tmp/ours 2>/dev/null >/tmp/both || paste -d' ' /tmp/stock /tmp/ours |
    awk '{ print $2, $1, $3, $4, $5, $7, $8 }' >/tmp/both
awk '{ printf "RATIO %-18s %12d %8d %12d %8d %10.2f %6.2f\n", $1, $3, $4, $6, $7, $3 / $6, $4 / $7 }' /tmp/both
check "twelve operations were measured" test "$(wc -l </tmp/both)" = 12
for op in read write directory transaction fan-out-32 make-remove; do
    for n in 10 1000; do
        check "$op with $n guests: less than half, client and kernel included" \
            awk -v o="$op-$n" '$1 == o { y = $3 > 2 * $6 } END { exit !y }' /tmp/both
        check "$op with $n guests: less than half for the daemon alone" \
            awk -v o="$op-$n" '$1 == o { y = $4 > 2 * $7 } END { exit !y }' /tmp/both
    done
    # Ten percent for caches and hash chains of the kernel's own.
    check "$op: the same with 10 and with 1,000 guests" awk -v a="$op-10" -v b="$op-1000" '
        $1 == a { x = $6 } $1 == b { y = $6 } END { exit !(x > 0 && y < x * 1.1) }' /tmp/both
done
finish
