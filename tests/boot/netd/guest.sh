# The guest of the network tests: what it is to do stands in the words after "netd=" on its command
# line, commas between them. Each step says "guest: NAME ok" or "guest: NAME failed".
step() {
    local what=$1
    shift
    if "$@"; then echo "guest: $what ok"; else echo "guest: $what failed"; fi
}
fails() { ! "$@"; }
here() { until [ -e "/sys/class/net/$1" ]; do usleep 100000; done; }
away() { while [ -e "/sys/class/net/$1" ]; do usleep 100000; done; }
# The same numbers are made on both sides, so nothing but the connection carries them.
sum() { seq 1 "$1" | md5sum; }
fetch() { [ "$(nc 10.9.0.1 "$1" <&7 | md5sum)" = "$(sum "$2")" ]; }
give() { seq 1 "$2" | nc 10.9.0.1 "$1"; }
reached() { ping -c 1 -W 5 10.9.0.1; }

for word in $(cat /proc/cmdline); do
    case $word in netd=*) todo=${word#netd=} ;; esac
done
mkfifo /tmp/never && exec 7<>/tmp/never # an input that never ends: at its end nc would hang up
here eth0
ifconfig eth0 10.9.0.2 netmask 255.255.255.0 up
until reached >/dev/null; do :; done
for t in $(echo "$todo" | tr , ' '); do
    case $t in
    basic)
        step ping ping -c 3 -W 20 10.9.0.1
        step big ping -c 2 -W 20 -s 8000 10.9.0.1 # fragments
        echo "guest: queues $(ls /sys/class/net/eth0/queues | grep -c rx)"
        ifconfig eth0:1 10.9.0.77 netmask 255.255.255.0 up
        step spoof fails ping -c 2 -W 2 -I 10.9.0.77 10.9.0.1
        ifconfig eth0:1 down
        ;;
    bulk) step fetch fetch 5001 500000; step give give 5002 500000 ;;
    kills) step kills fetch 5003 1000000 ;;
    slow) step slow give 5004 300000 ;;
    attach) here eth1; ifconfig eth1 up; echo "guest: attach ok"; away eth1; echo "guest: detach ok" ;;
    serve) here eth1; ifconfig eth1 10.8.0.2 netmask 255.255.255.0 up; echo "guest: serves"; iperf3 -s ;;
    esac
done
echo "guest: end"
