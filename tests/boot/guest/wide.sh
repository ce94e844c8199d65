# One guest of Debian's kernel with 32 vCPUs on two processors, all of which go on; and it, like dom0, uses
# FIFO events. Then guests that are hostile (tests/boot/walk).
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
# A pin is kept by those that work, and by who is on another processor when it comes.
check "all at work" inside wide "for i in \$(seq 0 $((VCPUS - 1))); do taskset -c \$i sh -c 'while :; do :; done' & done"
where() { xl vcpu-list wide | awk -v v="$1" '$1 == "wide" && $3 == v { print $4 }'; }
on_both() { xl vcpu-list wide | awk '$1 == "wide" { n[$4]++ } END { exit !(n[0] && n[1]) }'; }
all_on() { xl vcpu-list wide | awk -v c="$1" '$1 == "wide" && $4 != c { exit 1 }'; }
check "they use both processors" wait_for 60 on_both
for cpu in 1 0; do
    check "xl vcpu-pin all to $cpu" xl vcpu-pin wide all $cpu
    check "all are there" wait_for 60 all_on $cpu
    for i in 1 2 3 4 5; do check "and stay" all_on $cpu; done
done
check "one back to 1" xl vcpu-pin wide 5 1
one_on() { [ "$(where 5)" = 1 ] && [ "$(where 6)" = 0 ]; }
check "it alone is there" wait_for 60 one_on
check "xl destroy" xl destroy wide
check "it is gone" wait_for 60 gone wide

# --- hostile guests: every hypercall with bad arguments, one vCPU changing what the other asks for
hostile() { # NAME PROPERTIES: it has ended; what it says is on its console
    printf '%s\n' "name = \"$1\"" 'kernel = "/guest/pvk"' "extra = \"$2\"" 'memory = 64' 'vcpus = 2' >"/tmp/$1.cfg"
    check "$1: xl create" xl create -q -e "/tmp/$1.cfg"
    check "$1: has ended" wait_for 300 ended "$1"
}
ended() { field "$1" 5 | grep -q '[sc]'; }
died() { field "$1" 5 | grep -q c; }
clean() { xl debug-keys A && xl dmesg -c | grep -q 'audit: 0 violations'; }
before=$(free_memory)
for g in rights hostile; do # what it says must not look like our own result
    hostile $g $g
    died $g && tr -d '\r' <"$(log_of $g)" | sed 's/^Test result/    | it says/'
    check "$g: by itself, and nothing was wrong" refused died $g
done
hostile random "walk seed=3 steps=200000 race=1"
# Another CPU may be at work with frames while they are counted.
check "no count is wrong after it" wait_for 30 clean
for g in rights hostile random; do check "$g: xl destroy" xl destroy $g; done
for g in rights hostile random; do check "$g is gone" wait_for 60 gone $g; done
check "no count is wrong without them" wait_for 30 clean
check "their memory is free again" wait_for 60 sh -c "[ \$(xl info | awk '/^free_memory/ { print \$3 }') -ge $((before - 1)) ]"
finish
