# In the installed Debian (tests/boot/debian/run): booted by GRUB's own entry, services by systemd, guests by autostart.
. /argon/lib.sh
usleep() { sleep "${1%??????}.${1: -6}" 2>/dev/null || sleep 0.2; }
is_up() { systemctl is-active -q "$1"; }
said() { axl console --log "$1" | grep -q "$2"; }
answers() { busybox ping -c 1 -W 2 10.9.0.2; }
check "we run on Argon" sh -c 'grep -qx xen /sys/hypervisor/type && axl dmesg | grep -q "^(argon)"'
check "systemd is content" sh -c 'systemctl is-system-running --wait; systemctl --failed --no-legend | tee /dev/stderr | grep -c . | grep -qx 0'
journalctl -b --no-pager -u "argon-*" | head -60
for u in xenstored consoled blkd netd guests; do check "argon-$u" is_up argon-$u; done
check "both guests run" sh -c 'axl list; axl autostart list; axl autostart list | grep -c " runs$" | grep -qx 2'
check "the unikernel speaks" wait_for 60 said unikernel 'tick 3'
check "the stock guest has a shell" wait_for 120 said stock '#'
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
check "mem-set of domain 0" sh -c 'axl mem-set 0 900m && axl list 0 | grep -q " 900 "'
check "man pages" sh -c 'man -w axl axl-create argon argon-blkd axl.cfg gk-cc'
check "completion" bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader axl; complete -p axl'
axl destroy stock
check "the end of the services ends the guests" systemctl stop argon.target
check "none is left" sh -c 'axl list | wc -l | grep -qx 2'
systemctl --no-legend --all list-units 'argon*'
check "and they start again" systemctl start argon.target
check "with the guests" wait_for 60 sh -c 'axl autostart list | grep -c " runs$" | grep -qx 2'
check "no error in the journal" sh -c '! journalctl -b -p err --no-pager -u "argon-*" | grep -v "No entries"'
finish
systemctl poweroff
