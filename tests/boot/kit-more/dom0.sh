# More of the kit's programs as guests under stock xl, in one boot: two guests that talk over a channel, and bench with a disk.
# Lines "bench NAME COUNT" are for tests/bench/run.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

gone() { ! xl domid "$1"; }
log() { echo "/var/log/xen/guest-$1.log"; }
said() { grep -q "$2" "$(log "$1")"; }
contains_crashed() { xl list "$1" | grep -q -e 'c- '; }
# start NAME IMAGE MEMORY "COMMAND LINE" [ON_CRASH [CFG LINE]]
start() {
    printf "name = '%s'\nkernel = '/kit/%s'\nmemory = %s\nextra = '%s'\non_crash = '%s'\n%s\n" \
        "$1" "$2" "$3" "$4" "${5:-destroy}" "${6:-}" >"$1.cfg"
    rm -f "$(log "$1")"
    xl create -q "$1.cfg"
}

check "services start" start_stock

check "pong is up" start pong pingpong 8 serve
pong=$(xl domid pong)
check "ping is up" start ping pingpong 8 "join=$pong rounds=50"
check "they are told of each other" xenstore-write "/local/domain/$pong/data/peer" "$(xl domid ping)"
check "ping ends" wait_for 300 gone ping
check "pong ends" wait_for 60 gone pong
check "every byte came back" said ping "every byte right"
check "pong saw the end" said pong "sent back [0-9]* bytes, end 0"
grep pingpong: "$(log ping)" | sed 's/^/  /'
sed -n 's/^pingpong: \([0-9]*\) bytes: \([0-9]*\) counts.*/bench guest_channel_\1 \2/p' "$(log ping)"
check "no channel is left in xenstore" test -z "$(xenstore-ls 2>/dev/null | grep vchan)"

if [ -e /kit/bench ]; then
    for m in loop xen-blkback; do modprobe $m 2>/dev/null; done
    dd if=/dev/zero of=disk.img bs=1M count=2 2>/dev/null
    check "a loop device" losetup /dev/loop0 disk.img
    check "bench is up" start bench bench 16 "" destroy 'vcpus = 2
disk = [ "phy:/dev/loop0,xvda,w" ]'
    check "bench ends" wait_for 300 gone bench
    check "bench is done" said bench "bench: done"
    check "it measured two vCPUs" said bench "bench guest_vcpu_round_trip [0-9]"
    check "it measured the disk" said bench "bench guest_disk_read_1m [0-9]"
    grep '^bench guest_' "$(log bench)"
fi

# Each error that the headers name, by the same number on either hypervisor.
if [ -e /kit/errors ]; then
    check "errors is up" start errors errors 8 "" destroy 'disk = [ "phy:/dev/loop0,xvda,r" ]'
    check "errors ends" wait_for 300 gone errors
    tr -d '\r' <"$(log errors)" | grep '^errors: ' >errors.said
    check "errors are what the headers say" diff /kit/errors.expected errors.said
fi

if [ -e /kit/math ]; then
    check "math is up" start math math 8
    check "math ends" wait_for 300 gone math
    tr -d '\r' <"$(log math)" | grep '^math: '
    check "its values are right" said math "^math: right"
fi

if [ -e /kit/unix ]; then
    check "unix is up" start unix unix 8
    check "unix ends" wait_for 300 gone unix
    tr -d '\r' <"$(log unix)" | grep '^unix'
    check "what servers call is answered" said unix "^unix: right"
    check "the log is the console" said unix "^unixd: logged 2"
    check "but for what is masked" sh -c "! grep -q 'not logged' '$(log unix)'"
fi

# gdb's remote protocol, by hand. `packet TEXT` sends one; each of its replies is acknowledged by a +.
packet() {
    local sum=0 b
    for b in $(printf %s "$1" | od -An -v -tu1); do sum=$((sum + b)); done
    printf '$%s#%02x' "$1" $((sum & 255))
}
symbol() { awk -v s="$1" '$3 == s { print $1 }' /kit/clock.symbols; }
if [ -e /kit/clock.symbols ]; then
    check "clock is up" start clock clock 8 "count=100000 ms=50 balloon"
    check "it ticks" wait_for 60 said clock "tick 2 at"
    entry=$(symbol gk_first_instruction) stack=$(symbol kit_boot_stack_top)
    below=$(printf %x $((0x$stack - 4096)))
    out=$({
        for p in '?' g "m$entry,4" "M$below,4:01abcdef" "m$below,4" m10,4 qfThreadInfo; do packet "$p"; printf +; done
        packet c
        sleep 2
        printf '\003+'
        packet qC; printf +
        packet D; printf +
    } | /kit/axl gdb clock)
    note "$out"
    check "it stands still" contains "$out" '\$S05#'
    check "registers come" contains "$out" '\$[0-9a-f]{328}#'
    check "the first instruction is read" contains "$out" '\$fc488d25#'
    check "memory is written and read back" contains "$out" '\$OK#.*\$01abcdef#'
    check "what is not mapped is an error" contains "$out" '\$E14#'
    check "one vcpu" contains "$out" '\$m1#'
    check "it goes on and stops at ^C" contains "$out" '\$T02thread:1;#.*\$QC1#'

    # The same as a conversation: a breakpoint in what it calls at each tick, steps, a register changed.
    mkfifo to from
    /kit/axl gdb clock <to >from 2>gdb.err &
    exec 3>to 4<from
    ask() { # PACKET, its reply into $answer
        local c
        packet "$1" >&3
        answer=
        while read -r -t 100 -n 1 c <&4; do
            answer=$answer$c
            case $answer in *'#'??) break ;; esac
        done
        printf + >&3
        answer=${answer#*\$} answer=${answer%#*}
    }
    expect() { # WHAT PACKET PATTERN
        ask "$2"
        check "gdb, $1" contains "$answer" "$3"
    }
    # An address as it stands in a packet, low byte first.
    little() { printf %016x "$1" | sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\8\7\6\5\4\3\2\1/'; }
    rip() { ask g && echo "$answer" | cut -c257-272; }
    at=$(symbol gk_sleep_until)
    ask "m$at,1"
    first=$answer
    # Debian's Xen is built without what pauses a guest at its breakpoint.
    if ! xl info | grep -q '^xen_extra.*argon'; then
        expect "no breakpoints here" "Z0,$at,1" '^$'
        expect "no steps" s '^E01$'
        check "and that is said" contains "$(cat gdb.err)" "no breakpoints"
    else
        expect "breakpoint" "Z0,$at,1" '^OK$'
        expect "it is hit" c '^T05thread:1;$'
        check "gdb, it stands there" test "$(rip)" = "$(little 0x$at)"
        expect "it says no other kind is there" "Z1,$at,1" '^$'
        expect "breakpoint away" "z0,$at,1" '^OK$'
        expect "the byte is back" "m$at,1" "^$first\$"
        expect "step" s '^T05thread:1;$'
        check "gdb, it is one instruction on (push of one byte)" test "$(rip)" = "$(little $((0x$at + 1)))"
        ask g
        before=$answer
        expect "rbx changed" P1=8877665544332211 '^OK$'
        ask g
        check "gdb, rbx is changed" test "$(echo "$answer" | cut -c17-32)" = 8877665544332211
        expect "all as they were" "G$before" '^OK$'
        ask g
        check "gdb, they are" test "$answer" = "$before"
        for i in 1 2 3 4 5 6 7 8; do ask s; done
        check "gdb, eight steps" test "$answer" = "T05thread:1;"
        expect "breakpoint again" "Z0,$at,1" '^OK$'
        expect "it is hit again" c '^T05thread:1;$'
    fi
    exec 3>&- # gdb dies: its breakpoint must not stay
    wait $!
    exec 4<&-
    cat gdb.err
    check "nothing says that it is debugged or paused" contains "$(xl list clock)" '[r-][b-]----'
    n=$(grep -c tick "$(log clock)")
    more_ticks() { [ "$(grep -c tick "$(log clock)")" -gt $n ]; }
    check "it goes on without gdb" wait_for 60 more_ticks
    # gdb itself, run by `run` on the machine outside at the other end of the second serial line.
    if [ -e /kit/gdb-comes ] && xl info | grep -q '^xen_extra.*argon'; then
        exec 5<>/dev/ttyS1 # from here on no byte of gdb's is lost
        stty raw -echo <&5
        echo "gdb may come"
        check "gdb comes and goes" sh -c "timeout 300 /kit/axl gdb clock <&5 >&5 2>gdb.err"
        exec 5>&-
        n=$(grep -c tick "$(log clock)")
        check "it goes on behind it" wait_for 60 more_ticks
    fi
    has() { test "$(xl list clock | awk 'NR == 2 { print $3 }')" = "$1"; }
    check "it has its memory" has 8
    check "xl mem-set, less" xl mem-set clock 6
    check "it gives memory back" wait_for 60 has 6
    check "xl save, the balloon full" xl save clock clock.save
    rm -f "$(log clock)"
    check "xl restore" xl restore clock.save
    check "it is elsewhere" wait_for 60 said clock "woke up elsewhere"
    check "with the memory it had" wait_for 60 has 6
    check "xl mem-set, more" xl mem-set clock 8
    check "it takes it again" wait_for 60 has 8
    n=$(grep -c tick "$(log clock)")
    check "and ticks" wait_for 60 more_ticks
    xl destroy clock
fi

# A stack that overflows leaves no room for a report; its dump has everything. The host looks at it.
if [ -e /kit/hello ]; then
    check "a stack overflows" start over hello 4 end=overflow preserve
    check "the guest has crashed" wait_for 60 contains_crashed over
    check "xl dump-core" xl dump-core over /tmp/dump
    xl destroy over
    dmesg -n 1 # nothing of the kernel's between the lines
    echo "dump begins"
    gzip -9c /tmp/dump | base64
    echo "dump ends"
fi
finish
