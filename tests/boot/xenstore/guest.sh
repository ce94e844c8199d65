# In the guest: its own ring, by the kernel's /dev/xen/xenbus. Results go to the store, where dom0
# looks: data/checks counts them, data/bad names the failed ones, data/phase tells how far we are.
modprobe -a -q xen-evtchn xenfs 2>/dev/null
bad= n=0
must() { # WHAT COMMAND...
    what=$1
    shift
    n=$((n + 1))
    "$@" >/tmp/out 2>&1 || { bad="$bad $what"; echo "guest: not ok: $what"; cat /tmp/out; }
}
refused() { ! "$@"; }
phase() { xenstore-write data/checks $n data/bad "$bad" data/phase "$1"; }

id=$(xenstore-read domid)
home=/local/domain/$id
must own-id test "$id" -gt 0
must write xenstore-write data/a one
must read test "$(xenstore-read $home/data/a)" = one
must deep xenstore-write data/b/c/d/e deep
must list test "$(xenstore-list data/b/c)" = d
must remove xenstore-rm data/b
must gone refused xenstore-read data/b/c/d/e
must no-write-to-dom0 refused xenstore-write /local/domain/0/mine 1
must no-write-to-root refused xenstore-write /mine 1
must no-read-of-secret refused xenstore-read /secret/key
must no-giving-away refused xenstore-chmod data/a n0
must chmod xenstore-chmod data/a n$id r0
xenstore-write data/long "$(head -c 1900 /dev/zero | tr '\0' x)"
must long-value test "$(xenstore-read data/long | wc -c)" = 1901
must too-long refused xenstore-write data/long "$(head -c 2500 /dev/zero | tr '\0' x)"
xenstore-watch -n 2 data/w >/tmp/watched &
# The first event says that it watches. It ends with the second: dom0 counts our watches.
until_events() {
    i=0
    while [ $i -lt 300 ] && [ "$(wc -l </tmp/watched)" -lt "$1" ]; do usleep 100000; i=$((i + 1)); done
}
until_events 1
xenstore-write data/w/x 1
until_events 2
[ "$(wc -l </tmp/watched)" = 2 ] || kill $!
wait $!
must watch test "$(tail -1 /tmp/watched)" = data/w/x
phase basic

# Work while the daemon is killed and started again: every write is read back.
i=0
while [ "$(xenstore-read control/go 2>/dev/null)" != stop ]; do
    i=$((i + 1))
    must loop-write-$i xenstore-write data/loop $i
    must loop-read-$i test "$(xenstore-read data/loop)" = $i
    [ $((i % 5)) != 0 ] || xenstore-write data/progress $i
done
phase loop

# Into the quota of nodes, and out of it.
i=0
while [ $i -lt 1100 ]; do
    set -- # twenty at once: starting the command is what takes long
    while [ $# -lt 40 ]; do
        set -- "$@" data/q/$i 1
        i=$((i + 1))
    done
    xenstore-write "$@" 2>/dev/null || break
done
must quota-of-nodes test $i -gt 900 -a $i -le 1000
must still-reads xenstore-read data/a
must room-again xenstore-rm data/q
must writes-again xenstore-write data/q/1 1
phase done
while [ "$(xenstore-read control/go 2>/dev/null)" != off ]; do usleep 200000; done
poweroff -f
