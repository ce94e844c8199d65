# The kit's examples as guests under Debian's xl, one after another in one boot of dom0: each says on
# its console what it must, ends by itself, and its domain goes away.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

gone() { ! xl domid "$1"; }
log() { echo "/var/log/xen/guest-$1.log"; }
not() { ! "$@"; }
said() { grep -q "$2" "$(log "$1")"; }
# start NAME IMAGE MEMORY "COMMAND LINE" [CFG LINE]...
start() {
    local name=$1
    {
        echo "name = '$1'"
        echo "kernel = '/kit/$2'"
        echo "memory = $3"
        echo "extra = '$4'"
        echo "on_crash = 'destroy'"
        shift 4
        for line; do echo "$line"; done
    } >"$name.cfg"
    rm -f "$(log "$name")"
    xl create -q "$name.cfg"
}
# ends NAME IMAGE...: start, and wait until it is gone
ends() { start "$@" && wait_for 120 gone "$1"; }

check "services start" start_stock
check "hello runs in 4 MiB and ends" ends hello hello 4 "one exit=0"
check "hello says hello" said hello "Hello, world!"
check "hello sees its arguments" said hello "argument 1: one"
check "hello with an exit code" ends code hello 4 "exit=7"
check "its code is printed" said code "exit code 7"
for how in panic fault write-code run-data; do
    check "hello ended by $how" ends $how hello 4 "end=$how"
    check "there is a backtrace to main" said $how " main+0x"
done
check "panic says why" said panic "panic: as told"
check "fault names the address" said fault "write of address 10"
check "code cannot be written" said write-code "page fault, error 3"
check "data cannot be executed" said run-data "execution of address"
check "a stack's overflow ends the guest" ends overflow hello 4 "end=overflow"

check "clock runs in 8 MiB" ends clock clock 8 "count=3 ms=50"
check "clock ticks" said clock "tick 3 at "
check "clock is done" said clock "clock: done"

start clock clock 8 "count=100000 ms=100" >/dev/null
check "clock is up" wait_for 60 said clock "tick 2 at"
check "xl save" xl save clock clock.save
rm -f "$(log clock)"
check "xl restore" xl restore clock.save
check "it goes on" wait_for 60 said clock "woke up elsewhere"
check "and ticks" wait_for 60 said clock "tick [0-9]* at"
check "xl shutdown is obeyed" xl shutdown -w clock

# Work on 1, 2, 4 and 8 vCPUs; with all of them up it is saved and goes on elsewhere.
check "parallel on 8 vCPUs" start par parallel 16 "rounds=100000" "vcpus = 8"
check "8 vCPUs run at once" wait_for 120 said par "round 5: 8 vCPUs, mask ff"
check "one, two and four before" test "$(grep -c -e "round 1: 1 vCPUs, mask 1," -e "round 2: 2 vCPUs, mask 3," \
    -e "round 3: 4 vCPUs, mask f," "$(log par)")" = 3
check "xl save with 8 vCPUs" xl save par par.save
check "nothing was wrong there" not said par "[1-9][0-9]* faults"
rm -f "$(log par)"
check "xl restore with 8 vCPUs" xl restore par.save
check "it is elsewhere" wait_for 60 said par "woke up elsewhere"
check "all 8 are back" wait_for 120 said par "8 vCPUs, mask ff"
check "xl shutdown is obeyed with 8 vCPUs" xl shutdown -w par
check "and nothing was wrong" not said par "[1-9][0-9]* faults"
grep parallel: "$(log par)" | head -n 3

# A disk over the kernel's own back-end; half-way its end is shut and opened again, as a restarted one would.
for m in loop xen-blkback; do modprobe $m 2>/dev/null; done
dd if=/dev/zero of=disk.img bs=1M count=8 2>/dev/null
check "a loop device" losetup /dev/loop0 disk.img
check "a guest with a disk" start disk blkcheck 16 "wait=1 rounds=2" 'disk = [ "phy:/dev/loop0,xvda,w" ]'
check "blkcheck finds its disk" wait_for 60 said disk "blkcheck: xvda: 8192 KiB"
check "blkcheck writes and reads" wait_for 120 said disk "round 2, connection 1"
backend=$(xenstore-read "/local/domain/$(xl domid disk)/device/vbd/51712/backend")
xenstore-write "$backend/state" 5
check "it connects again" wait_for 60 said disk "connected again"
check "and goes on" wait_for 120 said disk "connection 2"
check "xl save with a disk" xl save disk disk.save
rm -f "$(log disk)"
check "xl restore with a disk" xl restore disk.save
check "the disk is connected again" wait_for 60 said disk "connection 3"
xenstore-write "/local/domain/$(xl domid disk)/data/stop" 1
check "blkcheck ends" wait_for 120 gone disk
check "without a fault" said disk "rounds, 0 faults"
note "$(grep -a "blkcheck: xvda" "$(log disk)")"
tail -n 3 "$(log disk)"
losetup -d /dev/loop0

# `axl run`: console here, exit code ours, nothing left.
before=$(xl list | wc -l)
out=$(axl run -m 4 /kit/hello one exit=7 </dev/null 2>&1)
check "axl run gives the exit code" test $? = 7
check "axl run shows the console" contains "$out" "Hello, world!"
check "axl run passes the words on" contains "$out" "argument 1: one"
axl run -m 4 /kit/hello end=panic </dev/null >out 2>&1
check "axl run tells of a crash" test $? = 134
check "axl run refuses a memory that is none" contains "$(axl run -m x /kit/hello 2>&1)" "not an amount of memory"
out=$(axl run -m 16 --disk=/tmp/disk.img /kit/blkcheck rounds=1 </dev/null 2>&1)
check "axl run with a disk" test $? = 0
note "$(echo "$out" | tail -n 2)"
axl run -m 8 /kit/clock count=100000 </dev/null >out 2>&1 &
run=$!
check "axl run shows it as it comes" wait_for 60 grep -q "tick 1 at" out
kill $run
wait $run
check "a signal ends axl run" grep -q "still ran" out
none_more() { test "$(xl list | wc -l)" = "$before"; }
check "nothing is left" wait_for 30 none_more
finish
