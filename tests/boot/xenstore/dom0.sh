# xenstored-lite in the place of Debian's xenstored: xenstore-*, xenstore-control, test-xenstore, the
# kernel's xenbus, xl and a PV guest notice no difference; killed in mid-work it goes on; a dead
# guest leaves nothing.
. /argon/lib.sh
start_lite() { xenstored-lite --pid-file /run/xen/xenstored.pid; }
# Looking costs the guest time: once a second is enough.
await() {
    left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        usleep 1000000
    done
}
daemon_pid() { cat /run/xen/xenstored.pid; }
kill_daemon() { # ... and it is no more, or a zombie
    local p
    p=$(daemon_pid)
    kill -9 "$p"
    while readlink "/proc/$p/exe" >/dev/null; do usleep 10000; done
}

check "starts" start_lite
xenstore-write /local/domain/0/name Domain-0
check "xen-init-dom0" xen-init-dom0
xenconsoled --log=guest --log-dir=/var/log/xen --pid-file=/run/xen/xenconsoled.pid
check "no capability is left" grep -q '^CapEff:.0000000000000000$' /proc/$(daemon_pid)/status
check "seccomp is on" grep -q '^Seccomp:.2$' /proc/$(daemon_pid)/status
check "test-xenstore" test-xenstore
check "check" contains "$(xenstore-control check)" OK
check "quota" contains "$(xenstore-control quota)" '^nodes +: +1000 Nodes per domain$'
check "quota of a domain" contains "$(xenstore-control quota 0)" '^nodes +: +[0-9]+$'

xenstore-write /secret/key 42
cat >/tmp/g.cfg <<'C'
name = "guest"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"
extra = "console=hvc0 quiet norandmaps cryptomgr.notests"
memory = 256
on_crash = "destroy"
C
check "xl create" xl create /tmp/g.cfg
id=$(xl domid guest)
home=/local/domain/$id
bad() { v=$(xenstore-read $home/data/bad) && echo "guest:$v" && test -z "$v"; }
phase() { test "$(xenstore-read $home/data/phase 2>/dev/null)" = "$1"; }
check "guest: basic operations end" await 600 phase basic
phase basic || { find /var/log/xen -type f; tail -40 $(find /var/log/xen -name 'guest-*.log'); xenstore-ls -fp; }
check "guest: basic operations are right" bad

# Kill it while the guest works, again and again.
progress() { xenstore-read $home/data/progress 2>/dev/null || echo 0; }
before=$(xenstore-ls -fp / | grep -v -e data/loop -e data/progress)
kernel_watches() { xenstore-control quota $id | grep -E '^watches'; }
watches=$(kernel_watches)
k=0
while [ $k -lt 3 ]; do
    was=$(progress)
    further() { test "$(progress)" -gt "$was"; }
    check "guest goes on ($k)" await 600 further
    kill_daemon
    check "starts again ($k)" start_lite
    k=$((k + 1))
done
check "the watches of the guest's kernel are still there" test "$(kernel_watches)" = "$watches"
after=$(xenstore-ls -fp / | grep -v -e data/loop -e data/progress)
check "tree and permissions are the same" test "$before" = "$after"
check "check after kills" contains "$(xenstore-control check)" OK
xenstore-write $home/control/go stop
# It may be further already.
loop_over() { phase loop || phase done; }
check "guest: loop ends" await 600 loop_over
check "guest: no write was lost" bad
check "guest: quota phase ends" await 600 phase done
check "guest: quotas hold" bad
check "log says who hit which" sh -c "xenstore-control quota usage | grep -q '^$id .* [*]$'"
xenstore-write $home/control/go off
# The xl that waited for the guest's end lost its socket with the first kill, as it would with any
# xenstored: destroy is for us to do.
over() { ! xl domid guest || xl list guest | grep -q ' [-r][-b][-p]s'; }
check "guest ends" await 600 over
! xl domid guest >/dev/null 2>&1 || check "xl destroy" xl destroy guest
gone() { ! xl domid guest; }
check "guest is gone" await 60 gone
check "nothing of it is left" wait_for 30 sh -c "! xenstore-ls -fp / | grep -E '/domain/$id|[nrwb]$id[,)]'"
check "xl list" contains "$(xl list)" Domain-0
case $argon_worst in SUCCESS) ;; *) tail -40 /var/log/xen/console/guest-*.log /var/log/xen/guest-*.log 2>/dev/null ;; esac
check "check at the end" contains "$(xenstore-control check)" OK
finish
