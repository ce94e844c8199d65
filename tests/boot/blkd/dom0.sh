# Disks by argon-blkd: a stock guest writes, reads, syncs, discards, is refused; the back-end is
# killed under it and goes on; an NBD export, also one that fails; attach, detach; nothing is left behind.
. /argon/lib.sh
cd /tmp || exit
/argon/start
blkd_log=/var/log/xen/argon-blkd.log
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
# The monitor's parent is init, a disk's process is the monitor's child.
all() { pidof argon-blkd; }
workers() { for p in $(all); do grep -q "^PPid:.*[^0-9]1$" /proc/$p/status || echo $p; done; }
quiet() { test -z "$(all)"; }
one_left() { test "$(all | wc -w)" = 1; }
mkdir -p /disk
modprobe -a crc32c_generic ext4 loop xen-blkback
mkfs.ext4 -q /dev/vda && mount -t ext4 /dev/vda /disk || outcome ERROR "no disk for dom0"
truncate -s 32M /disk/a.img
truncate -s 4M /disk/b.img
check "dom0 fills a disk" io fill /disk/b.img 0 64 5
truncate -s 16M c.img
# Folders without a value stay for the next guest's; what is in them may not.
nodes() { xenstore-ls -f /local/domain/0 | grep -v ' = ""$'; }
nodes >before
# As long as there is a file nbd-fails, the server refuses reads and writes.
serve() {
    rm -f nbd.sock
    nbdkit -U /tmp/nbd.sock --pidfile nbd.pid --filter=error file c.img error=EIO error-pread-rate=100% \
        error-pwrite-rate=100% error-file=/tmp/nbd-fails && wait_for 20 test -S nbd.sock
}
check "the server is up" serve

check "create" axl create -q g.cfg 'extra="console=hvc0 cryptomgr.notests blkd=basic,mix,nbd,nbdfails,attach,nbdaway"' \
    'disk=["/disk/a.img,raw,xvda,w", "/disk/b.img,raw,xvdb,r,backendtype=argon", "vdev=xvdc,access=w,target=nbd+unix:///?socket=/tmp/nbd.sock"]'
check "a second guest may not have the same file" sh -c '! axl create -q g.cfg name=\"h\" "disk=[\"/disk/a.img,raw,xvda,w,backendtype=argon\"]" 2>&1 | tee out; grep -q "already" out'
for s in fill check discard discarded beside end readonly readable; do check "guest: $s" passed $s; done
# Under way now: four processes that write, read and check.
for n in 1 2 3 4; do
    kill -9 $(workers) && note "killed the disks' processes"
    usleep 700000
done
kill -9 $(all)
note "killed all of argon-blkd"
wait_for 20 quiet
check "start again" argon-blkd --log $blkd_log
check "guest: mix under kills" passed mix
check "guest: nbd" passed nbd
check "guest: nbdtrim" passed nbdtrim
check "guest: nbdzero" passed nbdzero
touch nbd-fails
check "guest: a read that the server refuses is an error" passed nbdreadfails
check "guest: and so is a write" passed nbdwritefails
rm nbd-fails
check "guest: it works once the server does" passed nbdworks
check "guest: nbdkept" passed nbdkept
stat_is() { axl block-stat g | awk -v d="$1" -v f="$2" '$1 == d && $f > 0 { found = 1 } END { exit !found }'; }
check "block-stat: what was written" stat_is xvda 3
check "block-stat: what was flushed" stat_is xvda 5
check "block-stat: what was discarded" stat_is xvda 6
check "block-stat: what was read" stat_is xvdb 2
top() { axl top -b -i 1 | awk '$1 == "g" { found = $13 > 1 && $16 > 0 && $17 > 0 && $18 > 0 } END { exit !found }'; }
check "top adds it up" top
check "block-list shows them" sh -c 'axl block-list g | grep -c blkd/ | grep -qx 3'
truncate -s 8M d.img
check "attach" axl block-attach g /tmp/d.img,raw,xvdd,w,backendtype=argon
check "guest: attached" passed attach
kill -9 "$(cat nbd.pid)" # before the guest goes on to it
check "detach" axl block-detach g xvdd
check "guest: detached" passed detach
check "the server is gone: that is said" wait_for 60 grep -q 'nbd.sock.*tried again until it is there' $blkd_log
check "and the server is back" serve
check "the guest, which had to wait, goes on" passed nbdaway
check "and that is said" grep -q 'it is there again' $blkd_log
check "the guest ends" wait_for 100 gone
check "no process is left" wait_for 30 one_left
nodes >after
check "no node is left" diff before after
check "no state is left" sh -c 'test -z "$(ls /run/argon-blkd)"'
cat $blkd_log
cat $console | tail -60
finish
