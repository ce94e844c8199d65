# The machine of `run`: hello in 4 MiB, then httpd in 8 MiB with a static address, which is asked for one
# page. Their instructions are counted outside. Then hello guests made one after another, all of them alive at the end: the last
# costs what the first did. Under --icount a domain's CPU time counts instructions (the hypervisor's for it included), so what is
# compared is dom0's for each ten guests, and of those the least: in the first fourth of all, and in the last.
# argon.hellos=N on dom0's command line: how many, a multiple of 40. argon.daemons=stock: under Debian's daemons, whose
# costs grow faster; nothing is asked of them then.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

log() { echo "/var/log/xen/guest-$1.log"; }
said() { grep -q "$2" "$(log "$1")"; }
many=$(sed -n 's/.*argon\.hellos=\([0-9]*\).*/\1/p' /proc/cmdline)
many=${many:-40}
start=/argon/start
! grep -q argon.daemons=stock /proc/cmdline || start=start_stock
check "services start" $start

printf '%s\n' 'name = "hello"' 'kernel = "/kit/hello"' 'memory = 4' >hello.cfg
printf '%s\n' 'name = "httpd"' 'kernel = "/kit/httpd"' 'memory = 8' \
    'vif = [ "bridge=br0,ip=10.0.0.3" ]' >httpd.cfg
check "a bridge" sh -c "brctl addbr br0 && ip addr add 10.0.0.1/24 dev br0 && ip link set br0 up"
check "hello starts in 4 MiB" axl create -q hello.cfg
check "hello says hello" wait_for 60 said hello "Hello, world!"
check "httpd starts in 8 MiB" axl create -q httpd.cfg
check "httpd serves its page" wait_for 120 wget -q -O index http://10.0.0.3/
check "it is the right one" grep -q "guest-kit" index
check "httpd can be destroyed" axl destroy httpd

cat >create <<'SH'
# create FROM TO: these guests
for i in $(seq "$1" "$2"); do
    printf '%s\n' "name = 'h$i'" 'kernel = "/kit/hello"' 'memory = 4' 'extra = "stay=1"' >h.cfg
    axl create -q h.cfg || exit
done
SH
# fourth N: makes these; $least is thousands of instructions for ten, the least of all tens.
fourth() {
    local from=$((($1 - 1) * many / 4)) ten all=0 n
    least=
    for ten in $(seq 1 $((many / 40))); do
        spent 0 sh create $((from + 10 * ten - 9)) $((from + 10 * ten)) 2>cost || check "guests are made" cat cost
        n=$(sed -n 's/.*DOM0 \([0-9]*\)[0-9][0-9][0-9] .*/\1/p' cost)
        all=$((all + n))
        [ "${least:-$n}" -lt "$n" ] || least=$n
    done
    note "guests $((from + 1)) to $((from + many / 4)): $((all * 4 / many)) thousand instructions for each, ten for $least at least"
}
alive() { test "$(axl list | wc -l)" = $((many + 2)); }
all_said() { test "$(grep -l 'Hello, world!' /var/log/xen/guest-h[1-9]*.log | wc -l)" = "$many"; }
alone() { test "$(axl list | wc -l)" = 2; }

check "the first two are gone" wait_for 60 alone
check "one to warm up" sh create 0 0
check "and away with it" axl destroy h0
fourth 1
first=$least
fourth 2
fourth 3
fourth 4
[ $start != /argon/start ] || check "the last cost what the first did, and a twelfth at most" test "$least" -le $((first * 13 / 12))
check "all of them said hello" wait_for 60 all_said
check "all of them are there" alive
finish
