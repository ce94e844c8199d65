# Debian's PV GRUB as a guest's kernel: it finds grub.cfg on the guest's own disk, which dom0 does not look into,
# and starts Debian's kernel and initramfs from there. Sourced by another test, after its services' start.
grub_log() { cat /var/log/xen/guest-grub.log*; }
grub_said() { grub_log | grep -aq "$1"; }
mkdir -p /tmp/root/boot/grub
cp /guest/vmlinuz /guest/initrd /tmp/root/boot
cat >/tmp/root/boot/grub/grub.cfg <<'CFG'
set timeout=0
menuentry "Debian" {
    echo "grub.cfg was found"
    linux /boot/vmlinuz console=hvc0 panic=1 argon.mount=/dev/xvda
    initrd /boot/initrd
}
CFG
# /sbin: busybox's shell would take its own mke2fs.
check "a guest's disk" sh -c 'truncate -s 64M /tmp/root.img && /sbin/mkfs.ext4 -q -d /tmp/root /tmp/root.img'
rm -r /tmp/root
cat >/tmp/grub.cfg <<'CFG'
name = "grub"
kernel = "/usr/lib/grub-xen/grub-x86_64-xen.bin"
memory = 192
disk = ["/tmp/root.img,raw,xvda,w"]
on_crash = "destroy"
rtc_timeoffset = 315360000
CFG
check "create with a PV GRUB" axl create -q /tmp/grub.cfg
check "it reads the disk's grub.cfg" wait_for 120 grub_said "grub.cfg was found"
check "the disk's kernel starts" wait_for 200 grub_said "Linux version"
check "and reaches userland" wait_for 300 grub_said "built-in shell"
check "with the disk mounted" grub_said "EXT4-fs (xvda): mounted"
# Its clock is ten years ahead.
year=$(date -d @$(($(date +%s) + 315360000)) +%Y)
tells_year() { echo 'date +year-%Y' | timeout 5 axl console grub | grep -aq "year-$year"; }
check "rtc_timeoffset" wait_for 60 tells_year
axl destroy grub
rm /tmp/root.img
