# A guest of the kit whose back-ends die, come back, come and go, and lie: at worst it loses the one
# device, says why, and goes on. `hostile` plays the lying ones; the honest ones are Argon's daemons, so
# this runs with Argon's tools on either hypervisor. And the other way round: a guest (`evil`) that does
# what it likes to Argon's back-ends, beside which the honest one is served as before.
. /argon/lib.sh
cd /tmp || exit
/argon/start
log=/var/log/xen/guest-victim.log
said() { grep -q -e "$1" $log; }
count() { grep -c -e "$1" $log; }
more() { [ "$(count "$1")" -gt "$2" ]; }
goes_on() { n=$(count "$1"); wait_for "${2:-60}" more "$1" "$n"; }

truncate -s 4M a.img && truncate -s 2M b.img
cat >victim.cfg <<'CFG'
name = "victim"
kernel = "/kit/victim"
memory = 24
on_crash = "destroy"
CFG
check "the guest is up" axl create -q victim.cfg 'disk=["/tmp/a.img,raw,xvda,w"]' \
    'extra="ip=10.0.0.2 ip1=10.0.1.2 ip2=10.0.2.2 ip3=10.0.3.2 ip4=10.0.4.2 ip5=10.0.5.2"' \
    'vif=["bridge=br9,ip=10.0.0.2,backendtype=argon"]'
ip addr add 10.0.0.1/24 dev br9 && ip link set br9 up
D=$(axl domid victim)

# Beside it one that has all there is, on a disk whose file lies on a full file system; much of what it does takes its time,
# so it is looked at again at the end.
slog=/var/log/xen/guest-scarce.log
short() { grep -q -e "$1" $slog; }
# Another disk of it is kept by an NBD server, which refuses reads and writes as long as there is a file nbd-fails.
truncate -s 1M r.img
serve() {
    rm -f nbd.sock
    nbdkit -U /tmp/nbd.sock --pidfile nbd.pid --filter=error file r.img error=EIO error-pread-rate=100% \
        error-pwrite-rate=100% error-file=/tmp/nbd-fails
}
serve
mkdir full && mount -t tmpfs -o size=1m none full && truncate -s 4M full/s.img
sed -e s/victim/scarce/ -e 's/= 24/= 16/' victim.cfg >scarce.cfg
check "scarce is up" axl create -q scarce.cfg 'disk=["/tmp/full/s.img,raw,xvda,w", "vdev=xvdb,access=w,target=nbd+unix:///?socket=/tmp/nbd.sock"]' 'extra="ip=10.0.0.8"' \
    'vif=["mac=00:16:3e:00:00:08,bridge=br9,backendtype=argon"]'
check "without memory all say so" wait_for 60 short "memory: malloc Not enough space, thread none, page none, store ENOMEM"
check "and all is right with it" wait_for 60 short "memory: then malloc right, thread made"
check "writes to a full file system fail" wait_for 60 short "disk: [1-9][0-9]* KiB, then EIO"
check "what was written before is there" wait_for 60 short "disk: what was written is there"
check "the file system grows" mount -o remount,size=8m full
check "writes go on" wait_for 60 short "disk: then room, flush"
check "a neighbour refuses" wait_for 60 short "net: neighbour: Connection refused"
check "it uses its disk" wait_for 60 said "victim: steady 20"
check "it echoes" timeout 200 client echo 10.0.0.2 100000

# Back-ends restarted under it.
client echo 10.0.0.2 5000000 >echo.out 2>&1 &
for n in 1 2 3; do
    kill -9 $(pidof argon-blkd) && usleep 300000
    kill -9 $(pidof argon-netd) && usleep 300000
    argon-blkd --log /var/log/xen/argon-blkd.log
    argon-netd
    usleep 500000
done
# And the interface is down at the back-end's end for a while: a server notices nothing but the wait.
check "it is reached" timeout 200 client echo 10.0.0.2 1000
check "vif down" ip link set "vif$D.0" down
check "nobody reaches it" sh -c "! timeout 5 client echo 10.0.0.2 1000"
check "vif up" ip link set "vif$D.0" up
check "it is reached again" timeout 200 client echo 10.0.0.2 1000
check "the disk goes on after argon-blkd's deaths" goes_on "victim: steady [0-9]"
check "bytes come back after argon-netd's deaths and its interface's" wait_for 200 grep -q echoed echo.out
cat echo.out

# The bridge goes down, which no back-end tells its guest: scarce finds out while the disks have their turn.
check "the bridge goes down" ip link set br9 down

# A disk comes and goes.
check "attach a disk" axl block-attach victim /tmp/b.img,raw,xvdb,w
check "it reads it" wait_for 60 said "disk 51728: open"
check "detach it" axl block-detach victim xvdb
check "its reads end with an error" wait_for 60 said "disk 51728: some reads, then .*, then EIO"
check "it closes it" wait_for 60 said "disk 51728: closed"

# The server of scarce's disk fails, then vanishes with a request under way, then comes back, then vanishes for good.
blkd_said() { grep -q -e "$1" /var/log/xen/argon-blkd.log; }
rounds() { grep -c "scarce: remote [0-9]" $slog; }
further() { test "$(rounds)" -gt "$n"; }
stands() { n=$(rounds) && sleep 2 && test "$(rounds)" = "$n"; }
rights() { test "$(grep -c 'scarce: remote: right' $slog)" = "$1"; }
die() { kill -STOP "$(cat nbd.pid)" && wait_for 30 stands && kill -9 "$(cat nbd.pid)"; }
scarce=$(axl domid scarce)
check "its disk on a server works" wait_for 60 rights 1
touch nbd-fails
check "the server fails: errors" wait_for 60 short "remote: EIO"
check "argon-blkd says of which request" blkd_said "domain $scarce: request [01] at byte [0-9]* failed: Input/output error"
rm nbd-fails
check "it does not any more: right" wait_for 60 rights 2
check "the server dies, a request under way" die
check "argon-blkd says that it is lost" wait_for 60 blkd_said "the NBD connection is lost"
check "and that nobody is there" wait_for 60 blkd_said "domain $scarce disk 51728: .*nbd.sock.*refused"
check "the program waits" wait_for 60 stands
check "the server is back" serve
check "the program goes on" wait_for 120 further
check "the server dies again" die
check "its disk can be taken away" axl block-detach scarce xvdb
check "then what waited is an error" wait_for 60 sh -c "test \$(grep -c 'remote: EIO' $slog) = 2"
check "nothing was lost" sh -c "! grep -q 'remote: not as written' $slog"

# plug TYPE INDEX: what a toolstack writes for a device, `backend` last, as the guest waits for it.
plug() {
    local front=/local/domain/$D/device/$1/$2 back=/local/domain/0/lie/$1/$D/$2 node
    xenstore-write "$front/backend-id" 0 "$front/state" 1 "$front/virtual-device" "$2" "$front/handle" "$2" \
        "$front/mac" 00:16:3e:00:01:0$(($2 % 10)) "$back/frontend" "$front" "$back/state" 1
    xenstore-chmod -r "$front" "n$D" r0 && xenstore-chmod -r "$back" n0 "r$D"
    xenstore-write "$front/backend" "$back"
    xenstore-chmod "$front/backend" "n$D" r0
}
unplug() { xenstore-rm "/local/domain/$D/device/$1/$2" && xenstore-rm "/local/domain/0/lie/$1/$D/$2"; }
v=51744
# lie CASE WHAT-IT-SAYS-OF-IT
lie() {
    plug vbd $v
    check "disk, $1: told" hostile vbd "$D" $v "$1"
    check "disk, $1: it says" wait_for 60 said "disk $v: $2"
    unplug vbd $v
    check "disk, $1: it lives on" goes_on "victim: steady [0-9]"
    v=$((v + 16))
}
lie nothing "open EIO"
lie odd "open EIO"
lie huge "open EIO"
lie index "some reads, then EIO, then EIO"
lie id "some wait, then EIO, then EIO"
# Whether the right answer before the wrong ones still counts is a matter of when the guest looks.
lie twice "some [a-z]*, then EIO, then EIO"
lie status "some reads, then EIO, then right"
lie storm "some reads, then EIO, then right"
lie holds "some reads, then EIO, then right"
# Two that end by being taken away: while a request waits, and before anything was agreed upon.
plug vbd $v
check "disk, gone: told" hostile vbd "$D" $v gone
unplug vbd $v
check "disk, gone: its request ends" wait_for 60 said "disk $v: some wait, then EIO, then EIO"
v=$((v + 16))
plug vbd $v
check "disk, early: told" hostile vbd "$D" $v early
unplug vbd $v
check "disk, early: opening ends" wait_for 60 said "disk $v: open EIO"
check "the stopped ones were named" test "$(count "a response to no request: the disk is stopped")" -ge 3

check "behind a bridge that is down nobody answers" wait_for 120 short "net: neighbour: Connection timed out"
check "the bridge comes up" ip link set br9 up
check "and the neighbour refuses again" wait_for 120 sh -c "test \$(grep -c 'neighbour: Connection refused' $slog) -gt 1"
check "its interface is taken away" axl network-detach scarce 0
n=0
for how in tx-id tx-index rx-index rx-length rx-id; do
    n=$((n + 1))
    plug vif $n
    check "interface, $how: told" hostile vif "$D" $n $how
    check "interface, $how: stopped" wait_for 60 said "net$n: the back-end is at fault"
    unplug vif $n
    check "interface, $how: removed" wait_for 60 said "net$n: removed"
done
# The other way round.
dd if=/dev/zero bs=512 count=1 2>/dev/null | tr '\0' E >e.img && truncate -s 1M e.img
sed -e s/victim/evil/ -e 's/= 24/= 16/' victim.cfg >evil.cfg
elog=/var/log/xen/guest-evil.log
daemons() { for d in argon-blkd argon-netd xenstored-lite argon-consoled; do pidof $d | tr ' ' '\n' | sort -n | head -1; done; }
daemons >before
check "evil is made" axl create -q evil.cfg 'disk=["/tmp/e.img,raw,xvda,w"]' 'vif=["mac=00:16:3e:00:00:ee,bridge=br10,backendtype=argon"]'
axl domid evil >evil.id
ip addr add 10.0.9.1/24 dev br10 && ip link set br10 up
ping 10.0.9.2 >/dev/null 2>&1 &
check "evil has done all" wait_for 300 grep -q "evil: end" $elog
kill $!
check "and was answered as is right" sh -c "! grep WRONG $elog && test \$(grep -c 'evil: .*honest' $elog) = 7"
daemons >after
check "the daemons are the same as before" diff before after
check "it can be destroyed" axl destroy evil
check "nothing of it is left" wait_for 30 sh -c '! axl list | grep -q null && ! xenstore-ls -f /local/domain/0/backend | grep -q evil && test -z "$(ls /run/argon-blkd /run/argon-netd | grep "^$(cat /tmp/evil.id)-")"'
tr -d '\r' <$elog

check "the honest interface still echoes" timeout 200 client echo 10.0.0.2 100000
check "the disk is still written and read" goes_on "victim: steady [0-9]"
check "memory is whole" sh -c "! grep -q -e 'panic' -e 'trap' -e 'not as written' -e 'steady disk' $log"
# And scarce again. The store goes under all of them, and comes back.
check "without its interface: the network is unreachable" wait_for 90 short "net: neighbour: Network is unreachable"
n=$(grep -c "neighbour: Connection refused" $slog)
check "another one" axl network-attach scarce mac=00:16:3e:00:00:08 bridge=br9 backendtype=argon
check "the neighbour is there again" wait_for 60 sh -c "test \$(grep -c 'neighbour: Connection refused' $slog) -gt $n"
kill -9 $(pidof xenstored-lite)
# What it has had before may still be under way to its log.
answers() { grep -c "scarce: store [0-9]" $slog; }
waits() { n=$(answers) && sleep 1 && test "$(answers)" = "$n"; }
check "without the store what it asks waits" wait_for 2 waits
n=$(answers)
xenstored-lite
check "and goes on with it" wait_for 60 sh -c "test \$(grep -c 'scarce: store [0-9]' $slog) -gt $n"
check "nobody answers nobody" wait_for 200 short "net: nobody: Connection timed out"
check "no question to the store was answered wrongly, and it never crashed" sh -c "! grep -q -e 'store: ' -e panic -e trap $slog"
tr -d '\r' <$slog | grep -v "store [0-9]"
axl destroy scarce
tr -d '\r' <$log | grep -v steady
axl destroy victim
finish
