# One guest of Debian's kernel with 32 vCPUs on two processors, all of which go on; and it, like dom0, uses
# FIFO events.
. /argon/lib.sh
. /argon/services.sh
. /argon/guest.sh
: "${VCPUS:=32}"

check "services start" start_stock
guest_config wide 256 "$VCPUS"
check "a guest of $VCPUS vCPUs" xl create -q -e /tmp/wide.cfg
check "reaches userland" guest_up wide
check "has them" inside wide "test \$(nproc) = $VCPUS"
check "each of them works" inside wide "for i in \$(seq 0 $((VCPUS - 1))); do taskset -c \$i sh -c 'n=0; while [ \$n -lt 5000 ]; do n=\$((n+1)); done; echo >>/tmp/done' & done; wait; test \$(wc -l </tmp/done) = $VCPUS"
check "the guest's kernel saw none stuck" refused console_has wide "soft lockup|rcu.*stall|BUG:"
check "it and dom0 use FIFO events" sh -c "dmesg | grep -q 'Using FIFO-based ABI' && grep -qa 'Using FIFO-based ABI' $(log_of wide)"
check "xl destroy" xl destroy wide
check "it is gone" wait_for 60 gone wide
finish
