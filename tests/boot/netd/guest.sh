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
# So many times busybox, which both sides have.
blob() {
    local n=$1
    while [ $((n -= 1)) -ge 0 ]; do cat /bin/busybox; done
}
sum() { blob "$1" | md5sum; }
fetch() { [ "$(nc "$1" "$2" <&7 | md5sum)" = "$(sum "$3")" ]; } # HOST PORT COUNT
give() { blob "$3" | nc "$1" "$2"; }
usable() { grep "^$1 " /proc/net/if_inet6 | grep -q ' 80 *eth0'; } # no longer looked for on the link
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
    bulk) step fetch fetch 10.9.0.1 5001 2; step give give 10.9.0.1 5002 2 ;;
    six)
        ifconfig eth0 add fd09::2/64
        until ping -6 -c 1 -W 5 fd09::1 >/dev/null; do :; done
        step six-ping ping -6 -c 2 -W 20 -s 8000 fd09::1 # fragments
        ifconfig eth0 add fd09::77/64
        until usable fd090000000000000000000000000077; do usleep 100000; done
        step six-spoof fails ping -6 -c 2 -W 2 -I fd09::77 fd09::1
        ifconfig eth0 del fd09::77/64
        step six-fetch fetch fd09::1 5005 1; step six-give give fd09::1 5006 1
        ;;
    kills) step kills fetch 10.9.0.1 5003 4 ;;
    attach) # at a limited rate
        here eth1; ifconfig eth1 10.8.0.2 netmask 255.255.255.0 up
        until ping -c 1 -W 5 10.8.0.1 >/dev/null; do :; done
        step slow give 10.8.0.1 5004 1
        echo "guest: attach ok"; away eth1; echo "guest: detach ok" ;;
    serve) here eth1; ifconfig eth1 10.8.0.2 netmask 255.255.255.0 up; echo "guest: serves"; iperf3 -s ;;
    esac
done
echo "guest: end"
