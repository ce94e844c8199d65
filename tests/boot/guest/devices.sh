# Debian's kernel as PV guest with a disk (xen-blkback) and a network (xen-netback), one guest for each
# number of vCPUs in argon.guests, all at once: each writes its disk and reads it back, moves TCP
# both ways, with checksums that both sides agree on.
. /argon/lib.sh
. /argon/services.sh
. /argon/guest.sh
# argon.guests=1,4 on dom0's command line
GUESTS=${GUESTS:-$(sed -n 's/.*argon.guests=\([0-9,]*\).*/\1/p' /proc/cmdline | tr , ' ')}
MIB=4

# Dom0's view of the first MIB of a guest's disk.
disk_sum() { sync; dd if="$1" bs=1M count="$MIB" 2>/dev/null | md5sum | cut -c 1-32; }
same() { test -n "$1" && test "$1" = "$2"; }
listens() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ":$(printf %04X "$1") 0*:0000 0A "; }
no_backend() { ! xenstore-ls /local/domain/0/backend 2>/dev/null | grep -q frontend-id; }

# Loop devices come and go by losetup; their backing files are in dom0's memory.
make_guest() { # VCPUS: also its name's and its address's last part
    truncate -s 64M "/tmp/disk$1"
    losetup "/dev/loop$1" "/tmp/disk$1"
    guest_config "g$1" 160 "$1" "disk = ['phy:/dev/loop$1,xvda,w']" "vif = ['bridge=xenbr0']"
    check "g$1: xl create" xl create -q "/tmp/g$1.cfg"
}

try_disk() {
    local g=g$1
    check "$g: writes its disk" inside "$g" "dd if=/dev/urandom of=/tmp/d bs=1M count=$MIB 2>/dev/null && dd if=/tmp/d of=/dev/xvda bs=64k conv=fsync 2>/dev/null"
    check "$g: reads it back" inside "$g" "echo 3 >/proc/sys/vm/drop_caches; md5sum </tmp/d | sed 's/^/wrote=/;s/ .*//'; dd if=/dev/xvda bs=1M count=$MIB 2>/dev/null | md5sum | sed 's/^/read=/;s/ .*//'"
    check "$g: what it read is what it wrote" same "$(told "$g" wrote)" "$(told "$g" read)"
    check "$g: dom0 finds it there" same "$(told "$g" wrote)" "$(disk_sum "/dev/loop$1")"
}

try_net() {
    local g=g$1 sum
    check "$g: reaches dom0" inside "$g" "ip addr add 10.9.0.1$1/24 dev eth0; ip link set eth0 up; ping -c 3 -W 20 10.9.0.1"
    dd if=/dev/urandom of=/tmp/n bs=1M count="$MIB" 2>/dev/null
    sum=$(md5sum </tmp/n | cut -c 1-32)
    nc -l -p "500$1" -e cat /tmp/n & # nc by itself would end with the first end of file it sees
    wait_for 60 listens "500$1"
    check "$g: takes TCP" inside "$g" "nc 10.9.0.1 500$1 </dev/null | md5sum | sed 's/^/got=/;s/ .*//'"
    wait
    check "$g: it got what was sent" same "$sum" "$(told "$g" got)"
    nc -l -p "501$1" -e sh -c 'cat >/tmp/n' &
    wait_for 60 listens "501$1"
    check "$g: sends TCP" inside "$g" "nc 10.9.0.1 501$1 </tmp/d >/dev/null"
    wait
    check "$g: dom0 got what it sent" same "$(told "$g" wrote)" "$(md5sum </tmp/n | cut -c 1-32)"
    rm -f /tmp/n
}

check "services start" start_stock
check "a bridge" bridge_up
before=$(free_memory)
for v in $GUESTS; do make_guest "$v"; done
for v in $GUESTS; do
    check "g$v: reaches userland" guest_up "g$v"
    check "g$v: has its $v vCPUs" inside "g$v" "test \$(nproc) = $v"
    try_disk "$v"
    try_net "$v"
done
for v in $GUESTS; do check "g$v: xl destroy" xl destroy "g$v"; done
for v in $GUESTS; do check "g$v is gone" wait_for 60 gone "g$v"; done
check "no back-end is left" wait_for 30 no_backend
check "dom0's kernel had no complaint" refused sh -c "dmesg | grep -E 'BUG|Oops|WARNING|xen-blkback.*(fail|error)|vif.*(fail|error)'"
check "their memory is free again" wait_for 30 sh -c "[ \$(xl info | awk '/^free_memory/ { print \$3 }') -ge $((before - 1)) ]"
finish
