# The guest writes records and syncs each; what it calls acknowledged goes to dom0's console, where
# the host reads it, and ends the machine in the midst of it.
. /argon/lib.sh
cd /tmp || exit
/argon/start
modprobe -a crc32c_generic ext4
mkdir -p /disk
# A file full of holes on a journalled file system: without a sync its blocks are not even its own.
mkfs.ext4 -q /dev/vda && mount -t ext4 -o commit=600 /dev/vda /disk || outcome ERROR "no disk for dom0"
truncate -s 64M /disk/a.img
sync
cat >g.cfg <<'CFG'
name = "g"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"
memory = 192
extra = "console=hvc0 quiet blkd=acks"
disk = ["/disk/a.img,raw,xvda,w,backendtype=argon"]
CFG
check "create" axl create -q g.cfg
until [ -e /var/log/xen/guest-g.log ]; do sleep 1; done
exec tail -f /var/log/xen/guest-g.log
