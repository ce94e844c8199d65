# Everything that Debian's own tools do to a guest, on one guest of Debian's kernel: looked at, paused,
# resized, pinned, given devices and relieved of them, typed into, triggered, dumped, saved, restored,
# rebooted, crashed, shut down. What a hypervisor does not offer is refused, and logged once.
. /argon/lib.sh
. /argon/services.sh
. /argon/guest.sh

says() { # PATTERN COMMAND...: its output has that line
    pattern=$1
    shift
    out=$("$@" 2>&1) || { echo "$out"; return 1; }
    echo "$out" | grep -qaE -e "$pattern" || { echo "$out"; return 1; }
}
is_argon() { xl info | grep -q '^xen_extra.*argon'; }
state() { says "$1" xl list web; }
# What the guest sees of a device, in a while.
until_inside() { inside web "n=0; until test $*; do n=\$((n+1)); test \$n -lt 60 || break; sleep 1; done; test $*"; }
comes() { until_inside -e "$1"; }
goes() { until_inside ! -e "$1"; }
crashed() { field web 5 | grep -q c; }

check "services start" start_stock
check "a bridge" bridge_up
truncate -s 32M /tmp/disk1 /tmp/disk2
losetup /dev/loop1 /tmp/disk1
losetup /dev/loop2 /tmp/disk2
guest_config web 160 1 'maxvcpus = 2' "disk = ['phy:/dev/loop1,xvda,w']" "vif = ['bridge=xenbr0']" \
    'on_crash = "preserve"'
sed -i '/on_crash = "destroy"/d' /tmp/web.cfg
before=$(free_memory)
check "xl create" xl create -q /tmp/web.cfg
exists web || { finish; exit; }
check "guest reaches userland" guest_up web
id=$(xl domid web)

# --- looked at
check "xl list" state "^web +$id +160 +1 +[r-][b-]---- +[0-9.]+"
check "xl list -l" says '"name": "web"' xl list -l web
check "xl vm-list" says "[0-9a-f-]{36} +$id +web" xl vm-list
check "xl vcpu-list: one runs, one is off" says "^web +$id +1 +- +--p" xl vcpu-list web
check "xl uptime" says "^web +$id +[0-9]+:" xl uptime web
check "xl claims" says "^web +$id +160 .* 0\$" xl claims
check "xl cpupool-list" says "^Pool-0 +$(nproc) +credit2 +y +2" xl cpupool-list
check "xl sched-credit2" says "^web +$id +256 +0" xl sched-credit2
check "xl dmesg" says . xl dmesg
check "xl debug-keys" xl debug-keys q
! is_argon || check "its output" says "d$id: alive" xl dmesg
check "xentop -b" says "web" xentop -b -i 1
check "lsevtchn" says "Channel closed|Interdomain" lsevtchn "$id"
check "xenstore-ls" says 'backend = "/local/domain/0/backend/vbd' xenstore-ls "/local/domain/$id"
check "xen-diag" says "max_nr_frames=" xen-diag gnttab_query_size "$id"
check "xenctx" says "rip: +[0-9a-f]+" xenctx "$id" 0
check "xenctx walks its stack" says "Stack|Call" xenctx -s /dev/null "$id" 0

# --- told
check "xl pause" xl pause web
check "it is paused" state "^web .*[b-]p---"
echo 'echo paused-$((40+3))' >"$(xenstore-read "/local/domain/$id/console/tty")"
sleep 1
check "it does nothing" refused console_has web paused-43
check "xl unpause" xl unpause web
check "it does what was asked meanwhile" wait_for 60 console_has web paused-43
check "xl rename" xl rename web other
check "it is called so" xl domid other
xl rename other web
check "xl mem-set" xl mem-set web 140
check "it gave memory back" wait_for 60 sh -c '[ $(xl list web | awk "NR == 2 { print \$3 }") -le 141 ]'
check "xl mem-max" xl mem-max web 150
# Xl itself refuses such a target: the guest is asked to grow as its kernel's own balloon would.
check "a target beyond it" inside web 'echo $((160 * 1024)) >/sys/devices/system/xen_memory/xen_memory0/target_kb'
check "it grows up to there" wait_for 60 sh -c '[ $(xl list web | awk "NR == 2 { print \$3 }") -ge 149 ]'
sleep 2
check "and no further" sh -c '[ $(xl list web | awk "NR == 2 { print \$3 }") -le 151 ]'
check "xl mem-max back" xl mem-max web 160
check "xl mem-set back" xl mem-set web 160
check "it grows again" wait_for 60 sh -c '[ $(xl list web | awk "NR == 2 { print \$3 }") -ge 159 ]'
check "xl vcpu-set 2" xl vcpu-set -i web 2
# Nobody in the small image brings the CPU up on the kernel's uevent.
check "the second is there" comes /sys/devices/system/cpu/cpu1/online
check "the second can run" inside web 'echo 1 >/sys/devices/system/cpu/cpu1/online; test $(nproc) = 2'
check "it does" wait_for 30 says "^web +$id +1 +[01] +[r-][b-]- " xl vcpu-list web
check "xl vcpu-pin" xl vcpu-pin web 1 0
check "it is pinned" says "^web +$id +1 +0 +.* (0|all) / " xl vcpu-list web
check "xl vcpu-pin all" xl vcpu-pin web all all
check "xl vcpu-set 1" xl vcpu-set web 1
check "one is left" wait_for 30 says "^web +$id +1 +- +--p" xl vcpu-list web
check "xl sched-credit2 -w -c" xl sched-credit2 -d web -w 512 -c 50
check "both are kept" says "^web +$id +512 +50" xl sched-credit2 -d web
xl sched-credit2 -d web -w 256 -c 0
check "xl sysrq" xl sysrq web h
check "its kernel answers" wait_for 60 console_has web "sysrq: HELP"
check "xl trigger nmi" xl trigger web nmi 0
check "its kernel notices" wait_for 60 console_has web "NMI received for unknown reason|NMI:"
# Without a terminal it only shows; what is typed comes in beside it.
sleep 600 | xl console web >/tmp/console 2>&1 &
check "typing" inside web 'echo typed-$((40+2))'
check "xl console shows it" wait_for 20 grep -qa typed-42 /tmp/console
killall xenconsole sleep 2>/dev/null
# With one, what is typed goes in by it, and ^] ends it.
mkfifo /tmp/keys
script -qc "xl console web" /dev/null </tmp/keys >/tmp/console2 2>&1 &
exec 4>/tmp/keys
check "xl console is there" wait_for 20 pidof xenconsole
echo 'echo by-console-$((40+4))' >&4
check "what is typed into xl console comes out" wait_for 60 grep -qa by-console-44 /tmp/console2
printf '\035' >&4
check "^] ends it" wait_for 20 refused pidof xenconsole
exec 4>&-

# --- devices
check "xl block-attach" xl block-attach web phy:/dev/loop2 xvdb w
check "xl block-list" says "^51728 " xl block-list web
check "the new disk is there" comes /dev/xvdb
check "the new disk holds what is written" inside web 'echo precious >/tmp/p; dd if=/tmp/p of=/dev/xvdb conv=sync,fsync; head -c 8 /dev/xvdb | grep precious'
check "dom0 finds it there" says precious head -c 8 /dev/loop2
check "xl block-detach" xl block-detach web xvdb
check "the disk is gone" goes /dev/xvdb
check "xl network-attach" xl network-attach web bridge=xenbr0
check "xl network-list" says "^1 +0 " xl network-list web
check "the new card is there" comes /sys/class/net/eth1
check "xl network-detach" xl network-detach web 1
check "the card is gone" goes /sys/class/net/eth1

# --- dumped, saved, restored
check "a secret" inside web 'echo secret-$((40+5))-of-web >/tmp/secret'
check "xl dump-core" xl dump-core web /tmp/core
check "an ELF file of its size" sh -c 'head -c 4 /tmp/core | grep -q ELF && [ $(stat -c %s /tmp/core) -gt 160000000 ]'
check "its memory is in it" grep -qa secret-45-of-web /tmp/core
rm -f /tmp/core
check "it goes on" inside web 'dd if=/dev/urandom of=/tmp/d bs=1M count=8; dd if=/tmp/d of=/dev/xvda bs=64k conv=fsync; md5sum </tmp/d | sed "s/^/sum=/"; ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up; ping -c 2 -W 20 10.9.0.1'
check "xl save" xl save web /tmp/save
check "it is gone" wait_for 60 gone web
cp "$(log_of web)" /tmp/web.log
: >"$(log_of web)"
early=$(date +%s)
check "xl restore" xl restore /tmp/save
check "its memory is right" inside web 'md5sum </tmp/d | sed "s/^/sum=/"; date +%s | sed s/^/now=/'
late=$(date +%s)
sum=$(tr -d '\r' </tmp/web.log | sed -n 's/^sum=//p' | tail -n 1)
check "the same sum" test -n "$sum" -a "$sum" = "$(told web sum)"
check "its clock is right ($early, $(told web now), $late)" test "$(told web now)" -ge $((early - 1)) -a "$(told web now)" -le $((late + 1))
check "its disk is" inside web 'echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/xvda bs=1M count=8 2>/dev/null | md5sum | sed "s/^/sum=/"'
check "the same sum again" test "$sum" = "$(told web sum)"
check "its network is" inside web 'ping -c 2 -W 20 10.9.0.1'

# --- ended
check "xl shutdown" xl shutdown -w web
check "it is gone" wait_for 60 gone web
check "nothing of it is left" wait_for 60 refused sh -c 'xenstore-ls /local/domain/0/backend 2>/dev/null | grep -q frontend-id'
: >"$(log_of web)"
check "xl restore once more" xl restore /tmp/save
rm -f /tmp/save
check "it goes on from there" inside web true
check "xl reboot" xl reboot web
check "it comes up again" guest_up web
: >/tmp/ended
check "crash on purpose" sh -c "echo 'echo c >/proc/sysrq-trigger' >\$(xenstore-read /local/domain/\$(xl domid web)/console/tty)"
check "its report is on its console" wait_for 120 console_has web "Kernel panic - not syncing: sysrq triggered crash"
check "xl list shows the crash" wait_for 120 crashed
! is_argon || check "and xl dmesg" says "d[0-9]+: shut down .crash" xl dmesg
check "xl dump-core of it" xl dump-core web /tmp/core
check "an ELF file" says ELF head -c 4 /tmp/core
rm -f /tmp/core
check "xl destroy" xl destroy web
check "it is gone" wait_for 60 gone web
check "nothing of it is left" wait_for 60 refused sh -c 'xenstore-ls /local/domain/0/backend 2>/dev/null | grep -q frontend-id'

# --- refused
check "xenperf is refused" refused xenperf
xenperf >/dev/null 2>&1
! is_argon || check "and that is logged once" sh -c '[ $(xl dmesg | grep -c "sysctl 5 is not offered") = 1 ]'
xl create -q -p /tmp/web.cfg 'tsc_mode="always_emulate"' 2>/dev/null
xl destroy web 2>/dev/null
! is_argon || check "tsc_mode always_emulate is refused and said to be" says "tsc_mode 1 is not offered" xl dmesg
check "dom0's kernel had no complaint" refused sh -c "dmesg | grep -E 'BUG|Oops|WARNING'"
check "all memory is free again" wait_for 60 sh -c "[ \$(xl info | awk '/^free_memory/ { print \$3 }') -ge $((before - 1)) ]"
note "free memory: $before MiB before, $(free_memory) MiB after"
finish
