# One guest, two disks of the same kind: xvda by argon-blkd, xvdb by the kernel's blkback.
. /argon/lib.sh
cd /tmp || exit
/argon/start
modprobe xen-blkback
cat >g.cfg <<'CFG'
name = "g"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"
memory = 256
vcpus = 1
extra = "console=hvc0 quiet blkd=bench"
disk = ["/dev/vda,raw,xvda,w,backendtype=argon", "/dev/vdb,raw,xvdb,w,backendtype=phy"]
CFG
check "create" axl create -q g.cfg
check "it ends" wait_for 900 grep -q 'guest: end' /var/log/xen/guest-g.log
cat /var/log/xen/argon-blkd.log
sed -n 's/^.*\(guest: xvd.*MiB\/s\).*$/\1/p' /var/log/xen/guest-g.log | tee rows
awk '{ n[$2]++; k = $4 " " $5 " KiB x " $8; t[$2 " " k] += 1 / $9; all[k] }
    END { for (k in all) printf "ratio %s %.2f\n", k, t["xvdb " k] / t["xvda " k] }' rows
finish
