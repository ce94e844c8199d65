# Bulk data both ways through the machine's disks and network, checked by checksum on both sides.
# /argon/expect: SOURCE-DISK TARGET-DISK SHA256 MiB, SHA256 and MiB of what the network carries; a network test if there is an interface.
. /argon/lib.sh
read -r src dst sum mib net_sum net_mib </argon/expect
# The kernel looks for disks in parallel: which is sda and which sdb may change from boot to boot.
wait_for 60 test -b "/dev/$src" -a -b "/dev/$dst"
if grep -q TARGET "/sys/block/$src/device/model" 2>/dev/null; then
    set -- "$src"
    src=$dst dst=$1
fi
check "disks appear" wait_for 60 test -b "/dev/$src" -a -b "/dev/$dst"
got=$(dd if="/dev/$src" bs=1M count="$mib" 2>/dev/null | sha256sum | cut -d' ' -f1)
check "disk read: sha256 of $mib MiB" test "$got" = "$sum"
check "disk write: $mib MiB" sh -c "dd if=/dev/$src of=/dev/$dst bs=1M count=$mib 2>&1 && sync"
echo 3 >/proc/sys/vm/drop_caches
got=$(dd if="/dev/$dst" bs=1M count="$mib" 2>/dev/null | sha256sum | cut -d' ' -f1)
check "disk write: reads back the same" test "$got" = "$sum"
grep -E 'virtio|ahci' /proc/interrupts | sed 's/^/  /'
case $src in
vd*) check "virtio's interrupts are MSI-X" grep -qiE 'msi.*virtio' /proc/interrupts ;;
sd*) check "AHCI's interrupts are MSI" grep -qiE 'msi.*ahci' /proc/interrupts ;;
esac

if [ -e /sys/class/net/eth0 ]; then
    ip link set eth0 up
    ip addr add 10.0.2.15/24 dev eth0
    check "network: gateway answers" ping -c 1 -W 20 10.0.2.2
    # guestfwd: 10.0.2.100 port 1 sends the blob, port 2 takes it.
    nc 10.0.2.100 1 </dev/null >/tmp/blob
    check "network receive: sha256 of $net_mib MiB" test "$(sha256sum </tmp/blob | cut -d' ' -f1)" = "$net_sum"
    nc 10.0.2.100 2 </tmp/blob >/tmp/answer
    check "network send: the host got the same" test "$(cut -d' ' -f1 </tmp/answer)" = "$net_sum"
fi
finish
