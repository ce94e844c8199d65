# `ninja run`: the machine's network and disk are shared with a guest, which is then started. Run by init
# of dom0 once the daemons are up; a shell and /etc/motd follow.
tool=xl
[ ! -x /argon/start ] || ! command -v axl >/dev/null || tool=axl
say() { echo "run: $*"; }

# The machine's card and the guest's are ports of one bridge; 10.0.2.2 is QEMU's gateway.
network() {
    ip link add xenbr0 type bridge && ip link set xenbr0 up || return
    [ ! -e /sys/class/net/eth0 ] || { ip link set eth0 master xenbr0 && ip link set eth0 up; }
    ip addr add 10.0.2.15/24 dev xenbr0 && ip route add default via 10.0.2.2
    echo nameserver 10.0.2.3 >/etc/resolv.conf
}

# /dev/vda (build/run/disk.img, which stays from run to run) is the guest's; it gets a file system once.
disk() {
    [ -b /dev/vda ] || { say "no /dev/vda"; return 1; }
    [ "$(dd if=/dev/vda bs=1 skip=1080 count=2 2>/dev/null | xxd -p)" = 53ef ] ||
        /sbin/mkfs.ext4 -q -F /dev/vda # busybox's shell would take its own mke2fs
}

network || say "the bridge xenbr0 could not be made"
disk || say "the guest's disk could not be prepared"
say "starting a guest by $tool create /guest/guest.cfg ..."
if $tool create -q /guest/guest.cfg; then
    say "it starts; ping 10.0.2.20 answers once it is up"
else
    say "it did not start; $tool dmesg and /var/log/xen/ may say why"
fi
sed "s/@tool/$tool/g" /argon/motd
