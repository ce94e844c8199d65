# axl in a dom0 with stock Xen's daemons, or Argon's (tools=argon on dom0's command line): create, list,
# console, devices, save and restore in all four pairs with xl, every step of create and restore made
# to fail, damaged files refused.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit
case $(cat /proc/cmdline) in
*tools=argon*)
    pidof xenstored-lite >/dev/null || check "services start" /argon/start
    check "they are ours" sh -c 'pidof xenstored-lite && pidof argon-consoled && pidof argon-blkd && pidof argon-netd && ! pidof xenstored'
    vif=bridge=xenbr0,backendtype=argon stride=1
    ;;
*)
    pidof xenstored >/dev/null || check "services start" start_stock
    vif=bridge=xenbr0 stride=4 # Debian's hot-plug scripts take seconds
    ip link add xenbr0 type bridge && ip link set xenbr0 up
    ;;
esac
cat >t1.cfg <<'CFG'
name = "t1"
kernel = "/argon/tiny"
memory = 16
extra = "hold=hello"
CFG
dd if=/dev/zero of=disk.img bs=1M count=2 2>/dev/null
for m in loop bridge xen-blkback xen-netback; do modprobe $m 2>/dev/null; done
faults=/argon/axl-faults
log=/var/log/xen/guest-t1.log
told=0
forget() { told=$(wc -l <$log); } # a log is its daemon's: not cut short here
said() { tail -n +$((told + 1)) $log | grep -q "$1"; }
gone() { ! axl domid t1 2>/dev/null; }
# What there is, but for domain 0's own line and what the kernel notes of errors.
snap() {
    axl list | grep -v '^Domain-0'
    xenstore-ls -f | grep -v -e '/error' -e '^/local/domain/0/backend'
    losetup -a
    ls /var/lib/xen /sys/class/net
}
# A dead domain goes when the last daemon has let go of its pages, its interface when the kernel's back-end has: in a while.
as_before() { snap >after && diff before after; }
same() { wait_for 20 as_before || as_before; }
noguest() { test "$(axl list | wc -l)" = 2; }
begin() { wait_for 60 noguest && snap >before; }

# libxl's directories stay when the last guest is gone.
axl create -q t1.cfg && axl destroy t1
begin
forget
check "create" axl create -q t1.cfg
check "its first line reaches the console's log" wait_for 60 said "tiny: up with 16 MiB, told 'hold=hello'"
check "xl and axl list the same" sh -c 'xl list | sed "s/ [rb-]*----.*//" >a; axl list | sed "s/ [rb-]*----.*//" >b; diff a b'
check "six fields a line" sh -c 'test "$(axl list | awk "NF != 6" | wc -l)" = 0'
id=$(axl domid t1)
check "domid, domname, domuuid in JSON" sh -c "axl domid --json t1 | tr -d '\n ' | grep -qx '{\"domid\":$id}' &&
    axl domname --json $id | tr -d '\n ' | grep -qx '{\"name\":\"t1\"}' &&
    axl domuuid --json t1 | grep -q \"\$(xl vm-list | awk '\$2 == $id { print \$1 }')\""
check "top -b and its JSON" sh -c 'axl top -b -i 1 | grep -q " t1 .* 1 *0 *0 *0 *0 *0 *0 *0 *0 *0$" && axl top --json -d 1 -i 2 | grep -c "\"name\": \"t1\"" | grep -qx 2'
check "sched-credit2 in JSON" sh -c 'axl sched-credit2 --json -d t1 | grep -q "\"weight\": 256" && axl sched-credit2 --json -s | grep -q "\"ratelimit_us\": [0-9]"'
# (A line may come between the two.)
check "dmesg is xl's" wait_for 10 sh -c 'xl dmesg >a; axl dmesg >b; cmp a b'
check "and in JSON" sh -c 'test "$(axl dmesg --json | grep -c "^    \"")" -ge "$(wc -l <a)"'
xenstore-rm /local/domain/0/name
xenstore-rm /local/pool
check "dom0-init" axl dom0-init
check "domain 0 has its name again" sh -c 'xl list | grep -q "^Domain-0 " && test "$(xenstore-read /local/domain/0/name /local/domain/0/domid /local/pool/0/name | tr "\n" " ")" = "Domain-0 0 Pool-0 "'
# As xl: what scripts look at.
like_xl() { # WHAT COMMAND...: code or output
    local a b
    a=$(xl $2 2>/dev/null; echo "code $?") b=$(axl $2 2>/dev/null; echo "code $?")
    [ "$1" = output ] || { a=${a##*code} b=${b##*code}; }
    [ "$a" = "$b" ] || { echo "xl: $a, axl: $b"; return 1; }
}
for what in 'domname x' 'sched-credit2 -w 3' 'list 77' 'list -x' shutdown 'sysrq t1 hh' 'create nosuch.cfg' 'create t1.cfg' 'uptime nosuch' 'cpupool-list nosuch'; do
    check "exit code of $what" like_xl code "$what"
done
for what in vm-list cpupool-list 'cpupool-list -c' 'cpupool-list Pool-0' sched-credit2 'sched-credit2 -s -r 1000' 'uptime nosuch'; do check "output of $what" like_xl output "$what"; done
# (A guest's state and time go on between the two.)
check "list -c" sh -c 'for t in xl axl; do $t list -c t1 | sed "s/ [rbpscd-]\{6\}  *[0-9.]*  *Pool/ Pool/" >$t.list; done; diff xl.list axl.list && grep -q " Pool-0$" axl.list'
check "create -n prints the configuration alone, as xl does" sh -c 'axl create -n t1.cfg 2>/dev/null | sed -n 2p | grep -qx "    \"c_info\": {"'
check "a second of the same name is refused" sh -c '! axl create -q t1.cfg'
check "create takes what list -l gives" sh -c 'axl list -l t1 >t1.json && axl create -n t1.json >/dev/null'
check "pause, domstate, unpause" sh -c 'axl pause t1 && axl domstate t1 | grep -q paused && axl unpause t1'

for pair in axl:axl axl:xl xl:xl xl:axl; do
    check "save by ${pair%:*}" ${pair%:*} save t1 t1.save
    forget
    check "restore by ${pair#*:}" ${pair#*:} restore t1.save
    check "it goes on" wait_for 60 said "tiny: woke up in another domain"
done
check "shutdown -w" axl shutdown -w t1
check "its watcher clears up" wait_for 60 gone

# With dom0: in the order of their files; those that are in no file stop first.
mkdir auto
for n in 1 2; do sed "s/t1/auto$n/" t1.cfg >auto/$((3 - n))-auto$n; done
echo broken >auto/0-broken
axl create -q t1.cfg
check "autostart start tells of the broken one" sh -c '! axl autostart -d /tmp/auto start 2>err && grep -q "0-broken:1" err'
check "and makes the others, in order" test "$(axl list | awk '/^auto/ { printf "%s ", $1 }')" = "auto2 auto1 "
rm auto/0-broken
check "again, it leaves them alone" sh -c 'axl autostart -d /tmp/auto start | grep -c "runs already" | grep -qx 2'
check "autostart list" sh -c 'axl autostart -d /tmp/auto list | grep -c " runs$" | grep -qx 2 && axl autostart -d /tmp/auto list --json | grep -q "\"running\": true"'
axl pause auto1
check "autostart stop" sh -c 'axl autostart -d /tmp/auto -t 6 stop >out 2>&1'
check "in order, and who does not heed it is destroyed" test "$(grep '^[a-z0-9]* was' out | tr '\n' ' ')" = \
    "t1 was shut down auto1 was destroyed auto2 was shut down "
check "none is left" wait_for 60 noguest
# On a terminal, create says what it does; -q does not.
script -qc "axl create t1.cfg" out >/dev/null </dev/null
check "the line of progress" grep -qE "t1: reading its kernel.*t1: giving it memory.*t1: loading it.*t1: naming it" out
axl destroy t1
script -qc "axl create -q t1.cfg" out >/dev/null </dev/null
check "-q is quiet" sh -c '! grep -q "t1: " out'
axl destroy t1
begin

# cpuid=, beside xl: what the guest is told, in both spellings, and nothing where nothing is asked for.
features() { # TOOL CPUID: what a guest says that it made
    forget
    $1 create -q t1.cfg 'extra="features"' ${2:+"cpuid=$2"} >out 2>&1 || { cat out; return 1; }
    wait_for 60 said "tiny: features .* end" || return 1
    tail -n +$((told + 1)) $log | grep -o "features .* end"
    $1 destroy t1 && wait_for 60 gone >/dev/null
}
wish='"host,sse3=0,stepping=9,cx16=0,clflush=4,lahf-lm=0,aesni=k"'
as_bits='["1:eax=xxxxxxxxxxxxxxxxxxxxxxxxxxxx1001,ebx=xxxxxxxxxxxxxxxx00000100xxxxxxxx,ecx=xxxxxxkxxxxxxxxxxx0xxxxxxxxxxxx0","0x80000001:ecx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0"]'
check "a guest's features are as with xl" sh -c ': "$1"; [ -n "$1" ] && [ "$1" = "$2" ]' - "$(features xl)" "$(features axl)"
xl_wish=$(features xl "$wish") axl_wish=$(features axl "$wish")
check "cpuid= of libxl" sh -c 'echo "$1, $2, $3"; [ -n "$1" ] && [ "$1" = "$2" ] && [ "$1" != "$3" ]' - "$xl_wish" "$axl_wish" "$(features axl)"
check "cpuid= of xend" test "$(features axl "$as_bits")" = "$xl_wish"
like_xl_cpuid() { for t in xl axl; do $t create -n t1.cfg "cpuid=$1" 2>/dev/null | sed -n '/"cpuid"/,/\]/p' | sed 's/],/]/' >$t.cpuid; done; diff xl.cpuid axl.cpuid && test -s axl.cpuid; }
check "its JSON is xl's" like_xl_cpuid "$as_bits"
# A kernel that takes over who reads it (G1), and one that unpacks to all there is (zstd: 1 GiB in 8192 runs of zeroes).
contained() { # HOW SENTENCE
    AXL_READER=$1 $faults create -q t1.cfg >out 2>&1
    [ $? = 3 ] && grep -q "^axl: guest 't1': kernel '/argon/tiny': .*$2" out || { cat out; return 1; }
}
check "a reader that crashes" contained crash "its reader crashed"
check "one that opens a file" contained open "tried to do more than read"
check "one that lies" contained lie "what its reader says of it cannot be"
bomb() {
    printf '\2\0\20\0' >run
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13; do cat run run >runs && mv runs run; done
    printf '\50\265\57\375\0\130' | cat - run >bomb
    ! axl create -q t1.cfg 'kernel="/tmp/bomb"' >out 2>&1 && grep "it unpacks to more than [0-9]* MiB" out
}
case $(cat /proc/cmdline) in *tools=argon*) check "a bomb" bomb ;; esac
rm -f bomb run out
check "nothing is left of them" same

n=1
while ! AXL_FAIL_AT=$n $faults create -q t1.cfg "vif=[\"$vif\"]" 'disk=["/tmp/disk.img,raw,xvda,w"]' >out 2>&1; do
    check "create made to fail at point $n leaves nothing" same
    grep -q "made to fail at point $n" out || { outcome FAILURE "create failed by itself"; cat out; break; }
    n=$((n + stride))
done
check "there are points to fail at ($n)" test $n -gt 10
check "with its devices it is there" sh -c 'axl block-list t1 | tee /dev/stderr | grep -q 51712 && axl network-list t1 | tee /dev/stderr | grep -q -e vif -e netd'
# What the guest may change, in the whole tree (G3, G4): nodes of its own that it is meant to, no other.
guests_own() {
    local id own
    id=$(axl domid t1)
    own="^/local/domain/$id/(device/suspend/event-channel|control/(shutdown|feature-(poweroff|reboot|suspend)|sysrq)"
    own="$own|data|drivers|feature|attr|error|device/v(bd|if)/[0-9]+)(/| )"
    xenstore-ls -fp / | grep -E "\((n$id|.*[wb]$id)[,)]" >out
    test "$(grep -cE "$own" out)" -gt 12 && ! grep -vE "$own" out
}
check "the guest may write to what it is meant to" guests_own
# Every query answers in JSON; one that is new fails here until it is called.
arguments() { # QUERY: what it is called with; the kind of its answer comes first
    case $1 in
    list | vm-list | claims | uptime | cpupool-list | dmesg | sched-credit2) echo array ;;
    vcpu-list | block-list | network-list | block-stat | network-stat) echo array t1 ;;
    info) echo map -n ;;
    domid | domuuid | domstate | dominfo) echo map t1 ;;
    domname) echo map "$(axl domid t1)" ;;
    autostart) echo array -d /tmp/auto list ;;
    xenstore) pidof xenstored-lite >/dev/null && echo map quota || echo none ;;
    top) echo array -i 1 ;;
    console) echo array --log t1 ;;
    *) echo unknown ;;
    esac
}
answers_json() { # QUERY KIND ARGUMENT...
    local query=$1 kind=$2
    shift 2
    [ "$kind" != none ] || return 0 # Debian's xenstored keeps no such books
    axl "$query" --json "$@" >out || return 1
    /argon/json "$kind" <out || { cat out; return 1; }
}
for query in $(axl help --queries); do
    check "$query --json" answers_json $query $(arguments $query)
done
check "list -l is JSON too" sh -c 'axl list -l | /argon/json array && axl create -n t1.cfg 2>/dev/null | /argon/json map'
odd=$(printf 'gr\374n')
odd_name() {
    axl rename t1 "$odd" && axl list --json | /argon/json array && axl list -l "$odd" | tee odd.json | /argon/json array &&
        axl create -n odd.json 2>/dev/null | grep -q "\"name\": \"gr$(printf '\364\217\277\274')n\"" && axl rename "$odd" t1
}
check "a name that is not UTF-8 is valid JSON" odd_name
check "what is no query refuses --json" sh -c '! axl pause --json t1 && axl domstate t1 | grep -v paused'
check "top counts them" sh -c 'axl top -b -i 1 | tee /dev/stderr | grep -q " t1 .* 1  *1  *[0-9]*  *[0-9]*  *1  *0  *[0-9]"'
axl destroy t1
axl create -q t1.cfg && check "save" axl save t1 t1.save
check "nothing is left after save" same
n=1
while ! AXL_FAIL_AT=$n $faults restore t1.save >out 2>&1; do
    check "restore made to fail at point $n leaves nothing" same
    grep -q "made to fail at point $n" out || { outcome FAILURE "restore failed by itself"; cat out; break; }
    n=$((n + stride))
done
check "destroy" axl destroy t1

head -c 9000000 t1.save >cut
cp t1.save altered && printf XX | dd of=altered bs=1 seek=9000001 conv=notrunc 2>/dev/null
check "a cut file is refused" sh -c 'axl restore cut 2>&1 | grep -q "cut short"'
check "an altered file is refused" sh -c 'axl restore altered 2>&1 | grep -q "damaged"'
check "a foreign file is refused" sh -c 'axl restore /etc/passwd 2>&1 | grep -q "not a saved domain"'
check "too much memory is refused with both numbers" sh -c 'axl create -q t1.cfg memory=90000 2>&1 | grep -q "90002 MiB.*are free"'
check "an unknown key is named with its line" sh -c 'echo "colour = 1" >>t1.cfg; axl create -q t1.cfg 2>&1 | grep -q "t1.cfg:5: colour: no such key"'
check "nothing is left" same
finish
