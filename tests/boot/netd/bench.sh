# One stock guest of one vCPU with two interfaces, the one by argon-netd, the other by the kernel's
# netback, and iperf3 from and to dom0 over each in turn. Prints busy instructions of the whole machine
# for each MiB (so only with --icount), every round's: the first warms up.
. /argon/lib.sh
cd /tmp || exit
/argon/start
modprobe xen-netback
MIB=${MIB:-32}
cat >g.cfg <<'CFG'
name = "g"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"
memory = 192
extra = "console=hvc0 quiet netd=serve"
vif = ["bridge=br9,backendtype=argon", "bridge=br8"]
CFG
for b in br8 br9; do ip link add $b type bridge && ip link set $b up; done
ip addr add 10.8.0.1/24 dev br8
ip addr add 10.9.0.1/24 dev br9
check "create" axl create -q g.cfg
check "the guest serves" wait_for 600 grep -q "guest: serves" /var/log/xen/guest-g.log
# run SUBNET OPTION...
run() {
    local net=$1 from
    shift
    from=$(cost_of now)
    iperf3 -c "10.$net.0.2" -n "${MIB}M" -i 0 "$@" >out 2>&1 || cat out >&2
    echo $((($(cost_of now) - from) / MIB))
}
for round in 1 2 3 4; do
    up=$(run 9 -R) down=$(run 9)
    note "COST $round guest to dom0: argon-netd $up netback $(run 8 -R)"
    note "COST $round dom0 to guest: argon-netd $down netback $(run 8)"
done
finish
