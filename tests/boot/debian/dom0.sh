# In the installed Debian (tests/boot/debian/run): booted by GRUB's own entry, services by systemd, guests by autostart.
. /argon/lib.sh
usleep() { sleep "${1%??????}.${1: -6}" 2>/dev/null || sleep 0.2; }
is_up() { systemctl is-active -q "$1"; }
said() { axl console --log "$1" | grep -q "$2"; }
answers() { busybox ping -c 1 -W 1 10.9.0.2; }
check "we run on Argon" sh -c 'grep -qx xen /sys/hypervisor/type && axl dmesg | grep -q "^(argon)"'
check "systemd is content" sh -c 'systemctl is-system-running --wait; systemctl --failed --no-legend | tee /dev/stderr | grep -c . | grep -qx 0'
for u in xenstored consoled blkd netd guests; do check "argon-$u" is_up argon-$u; done
check "both guests run" sh -c 'axl list; axl autostart list; axl autostart list | grep -c " runs$" | grep -qx 2'
check "the unikernel speaks" wait_for 60 said unikernel 'tick 3'
wait_for 30 ip link show xenbr0
ip addr add 10.9.0.1/24 dev xenbr0
check "the stock guest answers" wait_for 60 answers
for d in xenstored-lite argon-consoled argon-blkd argon-netd; do
    old=$(pidof -s $d)
    kill -9 $old
    back() { new=$(pidof -s $d) && [ "$new" != "$old" ]; }
    check "$d comes back" wait_for 60 back
done
check "the guest answers still" wait_for 60 answers
axl console --log unikernel | wc -l >ticks
goes_on() { [ "$(axl console --log unikernel | wc -l)" -gt "$(($(cat ticks) + 2))" ]; }
check "the unikernel goes on" wait_for 60 goes_on
shrunk() { axl list 0 | tee /dev/stderr | grep -q " 900 "; }
check "mem-set of domain 0" sh -c 'axl mem-set 0 900m'
check "it gives memory back" wait_for 60 shrunk
check "man pages" sh -c 'man -w axl axl-create argon argon-blkd axl.cfg gk-cc'
check "completion" bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader axl; complete -p axl'
axl destroy stock
check "the end of their service ends the guests" systemctl stop argon-guests
alone() { test "$(axl list | wc -l)" = 2; }
check "none is left" bash -c "$(declare -f wait_for alone usleep); wait_for 30 alone || { axl list; ls -l /var/log/xen; tail -n 5 /var/log/xen/axl-*.log; false; }"
check "all services end" systemctl stop argon.target
check "and they start again" systemctl start argon.target
check "with the guests" wait_for 60 sh -c 'axl autostart list | grep -c " runs$" | grep -qx 2'
check "no error in the journal" sh -c '! journalctl -b -p err --no-pager -u "argon-*" | grep -v "No entries"'
finish
systemctl poweroff
