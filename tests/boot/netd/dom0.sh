# Interfaces by argon-netd: a stock guest sends and gets bulk data with several queues, large segments
# and checksums left to the other side, by IPv4 and IPv6; is held to its address and its rate; the back-end is killed
# under it and goes on; attach, detach; bridge and taps come and go by themselves.
. /argon/lib.sh
cd /tmp || exit
/argon/start
netd_log=/var/log/xen/argon-netd.log
console=/var/log/xen/guest-g.log
cat >g.cfg <<'CFG'
name = "g"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"
memory = 192
vcpus = 2
on_poweroff = "destroy"
CFG
said() { grep -q "guest: $1" $console 2>/dev/null; }
both() { said "$1 ok" || said "$1 failed"; }
passed() { wait_for 600 both "$1" && said "$1 ok"; }
gone() { ! axl domid g >/dev/null 2>&1; }
all() { pidof argon-netd | tr ' ' '\n' | sort -n; }
workers() { all | tail -n +2; } # the first is their parent
# What both sides have: so many times busybox, two megabytes each, with a pause behind each.
blob() {
    local n=$1
    while [ $((n -= 1)) -ge 0 ]; do
        cat /bin/busybox
        [ -z "${2:-}" ] || usleep "$2"
    done
}
sum() { blob "$1" | md5sum; }
serve() { blob "$2" "${3:-}" | nc -l -p "$1" >/dev/null & }
mkfifo never && exec 7<>never # an input that never ends: at its end nc would hang up
collect() { nc -l -p "$1" <&7 | md5sum >"sum.$1" & }
collected() { wait_for 600 test -s "sum.$1" && [ "$(cat "sum.$1")" = "$(sum "$2")" ]; }
ls /sys/class/net >links.before

check "a wrong rate is refused" sh -c '! axl create -q g.cfg "vif=[\"backendtype=argon,ip=10.9.0.300\"]" 2>&1 | tee out; grep -q "10.9.0.300" out'
serve 5001 2
collect 5002
serve 5003 4 1000000
collect 5004
serve 5005 1
collect 5006
check "create" axl create -q g.cfg 'extra="console=hvc0 norandmaps cryptomgr.notests netd=basic,bulk,six,kills,attach"' \
    'vif=["bridge=br7,ip=10.9.0.2 fd09::2,mtu=1400,backendtype=argon,mac=00:16:3e:00:00:07"]'
check "the bridge was made" wait_for 30 test -d /sys/class/net/br7/bridge
ip addr add 10.9.0.1/24 dev br7
ip addr add fd09::1/64 dev br7

for s in ping big spoof fetch give; do check "guest: $s" passed $s; done
check "the mtu" grep -qx 1400 "/sys/class/net/vif$(axl domid g).0/mtu"
check "two queues" said "queues 2"
check "what it gave is right" collected 5002 2
check "large segments came whole" sh -c 'ethtool -k vif$(axl domid g).0 | grep "^tcp-segmentation-offload: on"'
for s in ping spoof fetch give; do check "guest: $s by IPv6" passed six-$s; done
check "what it gave is right" collected 5006 1
check "large segments of IPv6 too" sh -c 'ethtool -k vif$(axl domid g).0 | grep "tx-tcp6-segmentation: on"'
# Under way now: a transfer that takes four seconds at least.
for n in 1 2 3 4; do
    kill -9 $(workers) && note "killed the interfaces' processes"
    usleep 500000
done
kill -9 $(all)
note "killed all of argon-netd"
wait_for 60 sh -c '! pidof argon-netd'
check "start again" argon-netd --log $netd_log
check "guest: kills" passed kills
check "network-list" sh -c 'axl network-list g | grep -q netd/'
top() { axl top -b -i 1 | awk '$1 == "g" { found = $10 == 1 && $11 > 0 && $12 > 0 } END { exit !found }'; }
check "top: what it sent and got" top
start=$(date +%s)
check "network-attach with a rate" axl network-attach g bridge=br8,rate=2Mb/s,backendtype=argon
check "a second bridge" wait_for 30 test -d /sys/class/net/br8/bridge
ip addr add 10.8.0.1/24 dev br8
check "guest: slow" passed slow
check "what it gave is right" collected 5004 1
# 2 MB at 250 kB a second: eight seconds, less what the first interval lets through at once.
check "and it took its time" test $(($(date +%s) - start)) -ge 7
check "guest: attached" passed attach
check "network-detach" axl network-detach g 1
check "guest: detached" passed detach
check "that bridge went" wait_for 30 sh -c '! test -e /sys/class/net/br8'
check "the guest ends" wait_for 100 gone
check "no process is left" wait_for 30 sh -c 'test "$(pidof argon-netd | wc -w)" = 1'
check "no node is left" wait_for 30 sh -c 'test -z "$(xenstore-list /local/domain/0/backend/netd)"'
links_as_before() { ls /sys/class/net >links.after && diff links.before links.after; }
check "no link is left" wait_for 30 links_as_before
check "no state is left" wait_for 30 sh -c 'test -z "$(ls /run/argon-netd)"'
cat $netd_log
tail -40 $console
finish
