# The kit's network programs as guests of Debian's xl and netback, on a bridge in dom0: addresses
# by DHCP and from the configuration, names by DNS, TCP with offload, 10,000 files by HTTP, hot-plug of the interface.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

log() { echo "/var/log/xen/guest-$1.log"; }
said() { grep -q "$2" "$(log "$1")"; }
# start NAME MEMORY IP [DISK]
start() {
    cat >"$1.cfg" <<END
name = "$1"
kernel = "/kit/$1"
memory = $2
vif = [ "bridge=br0,ip=$3" ]
disk = [ ${4:-} ]
on_crash = "destroy"
END
    xl create -q "$1.cfg"
}

check "services start" start_stock
check "a bridge" sh -c "brctl addbr br0 && ip addr add 10.0.0.1/24 dev br0 && ip link set br0 up"
# An address by DHCP, names by DNS, then what the network costs.
cat >udhcpd.conf <<END
start 10.0.0.50
end 10.0.0.50
interface br0
option subnet 255.255.255.0
option router 10.0.0.1
option dns 10.0.0.1
lease_file /tmp/udhcpd.leases
pidfile /tmp/udhcpd.pid
END
touch udhcpd.leases
check "a DHCP server" busybox udhcpd udhcpd.conf
client serve dom0.test 10.0.0.1 &
cat >netbench.cfg <<END
name = "netbench"
kernel = "/kit/netbench"
memory = 32
vif = [ "bridge=br0" ]
extra = "peer=dom0.test"
on_crash = "destroy"
END
check "netbench starts" xl create -q netbench.cfg
gone() { ! xl domid "$1"; }
check "netbench ends" wait_for 240 gone netbench
check "it has its address by DHCP and the peer's by DNS" said netbench "we are 10.0.0.50, dom0.test is 10.0.0.1"
check "a name that there is not" said netbench "nobody.test: no such host"
check "it is done" said netbench "netbench: done"
tr -d '\r' <"$(log netbench)" | sed 's/^net/  net/'
kill "$(cat udhcpd.pid)"
[ -e /kit/echo ] || { finish; exit; } # tests/bench/run wants no more

check "echo starts" start echo 8 10.0.0.2
check "echo listens" wait_for 120 said echo "listening on port 7"
check "ping" ping -c 3 -W 60 10.0.0.2
check "echo echoes" client echo 10.0.0.2 1000000
check "httpd starts" start httpd 8 10.0.0.3
check "httpd listens" wait_for 120 said httpd "listening on port 80"
check "httpd serves the small tree" wget -q -O /tmp/index http://10.0.0.3/
check "it is the right page" grep -q "guest-kit" /tmp/index
check "httpd with many files starts" start httpd-10000 16 10.0.0.4
check "it listens" wait_for 120 said httpd-10000 "listening on port 80"
check "10,000 files have the right bytes" client http 10.0.0.4 10000
check "vif detached" xl network-detach echo 0
check "the program saw it go" wait_for 60 said echo "net0: "
check "vif attached again" xl network-attach echo bridge=br0 ip=10.0.0.2
check "echo echoes again" wait_for 120 client echo 10.0.0.2 100000
check "a disk for kv" truncate -s 16M /tmp/kv.img
disk="'file:/tmp/kv.img,xvda,w'"
check "kv starts" start kv 16 10.0.0.5 "$disk"
check "it listens" wait_for 120 said kv "listening on port 6379"
check "redis-cli sets" contains "$(redis-cli -h 10.0.0.5 set greeting 'hello there')" OK
check "redis-benchmark" redis-benchmark -h 10.0.0.5 -t ping,set,get,incr,mset -n 2000 -c 20 -r 1000 -q
check "redis-cli counts" contains "$(redis-cli -h 10.0.0.5 incrby count 42)" 42
keys=$(redis-cli -h 10.0.0.5 dbsize)
check "kv is killed" xl destroy kv
rm -f "$(log kv)"
check "kv starts again" start kv 16 10.0.0.5 "$disk"
check "with all its keys" wait_for 120 said kv "kv: ${keys#*) } keys"
check "and it listens" wait_for 120 said kv "listening on port 6379"
check "what was set is there" contains "$(redis-cli -h 10.0.0.5 get greeting)" "hello there"
check "and the count" contains "$(redis-cli -h 10.0.0.5 incrby count 1)" 43
ethtool -S vif$(xl domid httpd-10000).0 2>/dev/null | head -20
for g in echo httpd httpd-10000 kv; do
    note "console of $g:"
    tail -5 "$(log $g)"
    xl destroy $g
done
finish
