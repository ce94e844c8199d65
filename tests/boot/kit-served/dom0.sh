# What a request costs: httpd and kv as unikernels and as processes of a stock guest, asked by the same
# clients in dom0 over the kernel's own back-ends. Prints "served WHAT KIND REQUESTS BUSY n GUEST n DOM0 n CLIENT n".
# argon.served=httpd,kv on dom0's command line: which; argon.kinds=kit,linux.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit
word() { sed -n "s/.*argon\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
servers=$(word served) kinds=$(word kinds)
log() { echo "/var/log/xen/guest-$1.log"; }
said() { grep -q "$2" "$(log "$1")"; }
gone() { ! xl domid "$1"; }
start() { # NAME IP
    printf '%s\n' "name = '$1'" "vif = [ 'bridge=br0,ip=$2' ]" "on_crash = 'destroy'" >"$1.cfg"
    [ "$1" != kv ] || echo "disk = [ 'phy:/dev/loop0,xvda,w' ]" >>"$1.cfg"
    case $kind:$1 in
    kit:httpd) printf '%s\n' "kernel = '/kit/httpd-10000'" "memory = 16" ;;
    kit:kv) printf '%s\n' "kernel = '/kit/kv'" "memory = 16" ;;
    linux:*) printf '%s\n' "kernel = '/guest/vmlinuz'" "ramdisk = '/guest/initrd'" "memory = 256" \
        "extra = 'console=hvc0 quiet served=$1'" ;;
    esac >>"$1.cfg"
    rm -f "$(log "$1")"
    xl create -q "$1.cfg"
}
# count WHAT REQUESTS COMMAND...: once for warmth, then counted.
count() {
    local what=$1 n=$2
    shift 2
    check "$what, $kind: warm" "$@"
    check "$what, $kind: counted" sh -c 'spent "$@" 2>spent.out' sh "$domid" "$@"
    echo "served $what $kind $n $(tail -n 1 spent.out)"
}

check "services start" start_stock
check "a bridge" sh -c "brctl addbr br0 && ip addr add 10.0.0.1/24 dev br0 && ip link set br0 up"
for kind in $(echo "${kinds:-kit,linux}" | tr , ' '); do
    for s in $(echo "${servers:-httpd,kv}" | tr , ' '); do
        case $s in
        httpd) ip=10.0.0.4 ;;
        kv)
            ip=10.0.0.5
            rm -f kv.img && truncate -s 16M kv.img && modprobe loop
            check "a disk" losetup /dev/loop0 kv.img
            ;;
        esac
        check "$s, $kind: starts" start $s $ip
        check "$s, $kind: listens" wait_for 300 said $s listening
        domid=$(xl domid $s)
        case $s in
        httpd)
            for c in 1 4 16; do
                count "httpd, $c connections" 4000 client http $ip 4000 $c
            done
            ;;
        kv)
            for t in get set; do
                for c in 1 20; do
                    count "kv $t, $c connections" 5000 redis-benchmark -h $ip -t $t -n 5000 -c $c -r 1000 -q
                done
            done
            ;;
        esac
        xl domid $s >/dev/null 2>&1 || tail -n 30 "$(log $s)"
        xl destroy $s
        wait_for 60 gone $s
        [ $s != kv ] || wait_for 60 losetup -d /dev/loop0
    done
done
finish
