# hello guests made one after another, all of them alive at the end: the last costs what the first did.
# Under --icount a domain's CPU time counts instructions (the hypervisor's for it included), so what is compared is dom0's
# time over a fourth of the guests each. argon.hellos=N on dom0's command line: how many, a multiple of 4.
# argon.daemons=own: under Argon's daemons, not Debian's.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

many=$(sed -n 's/.*argon\.hellos=\([0-9]*\).*/\1/p' /proc/cmdline)
many=${many:-40}

# Dom0's CPU time in tenths of a second, which is 100 million instructions.
spent() { axl list Domain-0 | awk 'END { printf "%d", $NF * 10 + 0.5 }'; }
create() {
    printf '%s\n' "name = 'h$1'" 'kernel = "/kit/hello"' 'memory = 4' 'extra = "stay=1"' >h.cfg
    axl create -q h.cfg
}
quarter() {
    local i from
    from=$(spent)
    for i in $(seq $(($1 * many / 4 + 1)) $((($1 + 1) * many / 4))); do
        create "$i" || return 1
    done
    cost=$(($(spent) - from))
    note "guests $(($1 * many / 4 + 1)) to $i: ${cost}00 million instructions"
}
alive() { test "$(axl list | wc -l)" = $((many + 2)); }
said() { test "$(grep -l 'Hello, world!' /var/log/xen/guest-h[1-9]*.log | wc -l)" = "$many"; }

start=start_stock
! grep -q argon.daemons=own /proc/cmdline || start=/argon/start
check "services start" $start
check "one to warm up" create 0
check "and away with it" axl destroy h0
quarter 0 || check "the first fourth" false
first=$cost
quarter 1 || check "the second fourth" false
quarter 2 || check "the third fourth" false
quarter 3 || check "the last fourth" false
check "the last cost what the first did ($first, $cost, and a fourth)" test "$cost" -le $((first * 5 / 4 + 1))
check "all of them said hello" wait_for 60 said
check "all of them are there" alive
finish
