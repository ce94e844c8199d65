# hello guests made one after another, all of them alive at the end: the last costs what the first did.
# Under --icount a domain's CPU time counts instructions (the hypervisor's for it included), so what is compared is dom0's
# for each ten guests, and of those the least: in the first fourth of all, and in the last.
# argon.hellos=N on dom0's command line: how many, a multiple of 40. argon.daemons=stock: under Debian's daemons, whose
# costs grow faster; nothing is asked of them then.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

many=$(sed -n 's/.*argon\.hellos=\([0-9]*\).*/\1/p' /proc/cmdline)
many=${many:-40}

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
said() { test "$(grep -l 'Hello, world!' /var/log/xen/guest-h[1-9]*.log | wc -l)" = "$many"; }

start=/argon/start
! grep -q argon.daemons=stock /proc/cmdline || start=start_stock
check "services start" $start
check "one to warm up" sh create 0 0
check "and away with it" axl destroy h0
fourth 1
first=$least
fourth 2
fourth 3
fourth 4
[ $start != /argon/start ] || check "the last cost what the first did, and a twelfth at most" test "$least" -le $((first * 13 / 12))
check "all of them said hello" wait_for 60 said
check "all of them are there" alive
finish
