# One guest, two disks of the same kind: xvda by argon-blkd, xvdb by the kernel's blkback. Prints the busy
# instructions of the whole machine for each MiB (so only with --icount), the least of the rounds, which take turns.
. /argon/lib.sh
cd /tmp || exit
/argon/start
modprobe xen-blkback
MIB=16
cat >g.cfg <<'CFG'
name = "g"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"
memory = 192
vcpus = 1
extra = "console=hvc0 quiet blkd=bench"
disk = ["/dev/vda,raw,xvda,w,backendtype=argon", "/dev/vdb,raw,xvdb,w,backendtype=phy"]
CFG
check "create" axl create -q g.cfg
check "the guest serves" wait_for 600 grep -q 'guest: serves' /var/log/xen/guest-g.log
exec 5<>"$(xenstore-read "/local/domain/$(axl domid g)/console/tty")"
# in_guest COMMAND: returns when it has ended. The echo of what is typed has END elsewhere.
in_guest() {
    echo "$1; echo; echo END" >&5
    while read -r line <&5; do
        case $line in END*) return ;; esac
    done
}
# Pieces of so many KiB, and so many of them under way.
for round in 1 2 3; do
    for what in "4 1" "64 1" "1024 1" "4 32" "64 8"; do
        for op in read write; do
            for d in xvda xvdb; do
                from=$(cost_of now)
                in_guest "io $op /dev/$d $MIB $what"
                echo "$op-${what% *}k-x${what#* } $d $((($(cost_of now) - from) / MIB))" >>rows
            done
        done
    done
done
awk '{ k = $1 " " $2; if (!(k in least) || $3 < least[k]) least[k] = $3; all[$1] }
    END { for (o in all) printf "COST %s %d %d\n", o, least[o " xvda"], least[o " xvdb"] }' rows | sort
check "ten operations on two disks were measured three times" test "$(awk '$3 > 0' rows | wc -l)" = 60
# A round's reads and writes, and the others' beside them: what the table's least leaves out.
cat rows
finish
