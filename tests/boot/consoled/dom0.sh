# argon-consoled: every byte of every guest's console, also of one that dies at once, that floods it,
# and while the daemon is killed; who attaches sees what came before; Debian's `xl console` works.
. /argon/lib.sh
cd /tmp || exit
log() { cat /var/log/xen/guest-$1.log; }
said() { grep -q "$2" /var/log/xen/guest-$1.log; }
pid() { pidof argon-consoled; }
gone() { ! axl domid $1; }
ended() { ! readlink /proc/$1/exe; } # PID: no more, or a zombie
kill_daemon() { # by SIGKILL, and it has left its lock
    local p
    p=$(pid)
    kill -9 $p
    wait_for 30 ended $p
}
start() { argon-consoled --log-size 64 --log-keep 60 --log /tmp/consoled.log; }
# guest NAME EXTRA [SETTING...]
guest() {
    local name=$1 extra=$2
    shift 2
    axl create -q /dev/null "name=\"$name\"" 'kernel="/argon/tiny"' memory=16 "extra=\"$extra\"" "$@"
}
# The sleep keeps the writing end open, so that a console reads it to the end of the test.
consoles=
attach() { # N GUEST: axl console with input from in.N, output to out.N
    mkfifo in.$1
    sleep 1000 >in.$1 &
    axl console $2 <in.$1 >out.$1 2>&1 &
    consoles="$consoles $!"
}

/argon/start >/dev/null
kill "$(pid)"
check "ends by SIGTERM" wait_for 30 sh -c '! pidof argon-consoled'
check "starts" start
check "there can be only one" sh -c '! argon-consoled -F 2>&1 | grep -q "not so" && argon-consoled -F 2>&1 | grep -q "another argon-consoled is running"'
for what in '^CapEff:.0000000000000000$' '^Seccomp:.2$' '^NoNewPrivs:.1$'; do
    check "confined: $what" grep -q "$what" /proc/$(pid)/status
done

check "create" guest one hold=hello
check "its first line is there, with the time" wait_for 60 said one '^\[20[0-9-]* [0-9:]*\] tiny: up with 16 MiB'
attach 1 one
attach 2 one
check "who attaches sees what came before" wait_for 30 grep -q '^tiny: up with 16 MiB' out.1
check "so does a second one" wait_for 30 grep -q '^tiny: up with 16 MiB' out.2
printf 'ping\r' >in.1
check "the guest hears" wait_for 30 grep -q "tiny: heard 'ping'" out.1
check "all who are attached see it" wait_for 30 grep -q "tiny: heard 'ping'" out.2
kill_daemon
check "starts again" start
printf 'again\r' >in.2
check "they are attached again" wait_for 60 grep -q "tiny: heard 'again'" out.1
check "nothing was shown twice" test "$(grep -c heard out.1)" = 2
printf '\035' >in.1
set -- $consoles
check "Ctrl-] detaches" wait_for 30 ended $1
check "him alone" readlink /proc/$2/exe
xenconsole=$(find /usr/lib /usr/libexec -name xenconsole -type f 2>/dev/null | head -n 1)
if [ -n "$xenconsole" ]; then
    mkfifo in.xl
    exec 7<>in.xl # one end that stays: neither side waits for the other, and there is no end of file
    # What xl runs for it; xl's own would leave its input alone, which is no terminal.
    $xenconsole "$(axl domid one)" --num 0 --type pv --interactive <&7 >out.xl 2>&1 &
    xl=$!
    check "Debian's xenconsole shows what came before" wait_for 60 grep -q 'tiny: up' out.xl
    printf 'pty\r' >&7
    check "it types" wait_for 60 grep -q "tiny: heard 'pty'" out.xl
    # Alone, as a key is: xl looks for it only where it reads one byte.
    printf '\035' >&7
    check "Ctrl-] ends it" wait_for 60 ended $xl
    exec 7>&-
    note "$(xenstore-read /local/domain/$(axl domid one)/console/tty; cat out.xl)"
fi
check "a paused guest's words are kept" sh -c 'axl pause one && axl console --log one | grep -q "tiny: up" && axl unpause one'

check "a guest that dies at once" guest brief crash 'on_crash="destroy"'
check "is gone" wait_for 60 gone brief
check "its words are not" wait_for 30 said brief "tiny: up with 16 MiB"
check "console --log" sh -c 'axl console --log brief | grep -q "tiny: up with 16 MiB"'
check "no log: a sentence" sh -c 'axl console --log nobody 2>&1 | grep -q "no log of a guest .nobody"'

# A flood, a reader of it, and kills.
N=20000
check "create" guest flood "flood=$N" 
attach 3 flood
k=0
while [ $k -lt 4 ]; do
    usleep 300000
    kill_daemon
    check "starts again ($k)" start
    k=$((k + 1))
done
printf 'meanwhile\r' >in.2
check "another guest is served meanwhile" wait_for 60 said one "heard 'meanwhile'"
check "the flood ends" wait_for 600 sh -c 'axl console --log flood | grep -q "flood ends"'
# FILE FIRST: the flood's lines are there in order, from FIRST (or any, if empty) to the last. A log
# that is turned over in mid-line has a time stamp there.
counted() {
    tr -d '\r' <"$1" | sed 's/\[20[0-9]*-[0-9-]* [0-9:]*\] //g' | awk -v n="$2" '
        /^flood/ { if (n != "" && $2 != n) { print "for " n " comes " $2; bad = 1 } n = $2 + 1; k++ }
        END { print k " lines"; exit bad || n != '$((N + 1))' || k < 1000 }'
}
axl console --log flood >flood.log
check "no line is lost, none is there twice" counted flood.log 1
check "the log was turned over" test -e /var/log/xen/guest-flood.log.3
check "who was attached got all of it too" wait_for 60 grep -q 'flood ends' out.3
note "$(tail -n 2 out.3)"
check "in order" counted out.3 ""

for g in one flood; do axl destroy $g; done
check "no zombie" wait_for 30 sh -c '! axl list | grep -v Domain-0 | grep -q "^[^N]"'
for p in $consoles; do check "a console ends with its guest" wait_for 30 ended $p; done
few_files() { test "$(ls /proc/$(pid)/fd | wc -l)" -lt 16; }
check "open files are few again" wait_for 30 few_files
cat /tmp/consoled.log | tail -5
[ ! -e /argon/pvgrub ] || . /argon/pvgrub
finish
