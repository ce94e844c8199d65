#!/bin/bash
# Debian's xenstore-* commands, xenstore-control and test-xenstore against the daemon on this machine,
# without Xen; then once more after a kill. usage: xenstore_stock.sh DAEMON
set -u
daemon=$1
root=build/deb/root
bin=$root/usr/lib/xen-4.17/bin
dir=$(mktemp -d)
export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu XENSTORED_PATH=$dir/socket XENSTORED_RUNDIR=$dir
bad=0
tool() { (exec -a "xenstore-$1" "$root/usr/bin/xenstore" "${@:2}"); }
must_be() { [ "$1" = "$2" ] || { echo "'$1', not '$2'"; bad=1; }; }
start() {
    $daemon -D --socket "$dir/socket" --state-dir "$dir" --pid-file "$dir/pid" || exit 1
}
trap 'kill "$(cat "$dir/pid")"; rm -rf "$dir"' EXIT
start
tool write /a/b one /a/c two
must_be "$(tool read /a/b)" one
must_be "$(tool list /a | tr '\n' ' ')" "b c "
tool chmod /a/c n5 r6
must_be "$(tool ls -p /a | sed 's/[ .]*(/ (/')" $'b = "one" (n0)\nc = "two" (n5,r6)'
tool exists /a/b || bad=1
tool exists /a/z && bad=1
tool rm /a/b
must_be "$(tool read /a/b 2>/dev/null || echo none)" none
tool watch -n 2 /a >"$dir/watched" &
until [ -s "$dir/watched" ]; do tool write /nudge 1; done
tool write /a/d 1
wait $!
must_be "$(tr '\n' ' ' <"$dir/watched")" "/a /a/d "
must_be "$($bin/xenstore-control check)" OK
$bin/xenstore-control quota | grep -q '^nodes            :     1000 Nodes per domain$' || bad=1
before=$(tool ls -fp /)
kill -9 "$(cat "$dir/pid")"
while kill -0 "$(cat "$dir/pid")" 2>/dev/null; do :; done
start
must_be "$(tool ls -fp /)" "$before"
$bin/test-xenstore || bad=1
must_be "$($bin/xenstore-control check)" OK
exit $bad
