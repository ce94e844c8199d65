# For the tests of stock guests: bring a dom0 with Debian's tools up, make guests, type into them.
# Sourced behind /argon/lib.sh and /argon/services.sh.

free_memory() { xl info 2>/dev/null | awk '/^free_memory/ { print $3 }'; }
field() { xl list "$1" 2>/dev/null | awk -v n="$2" 'NR == 2 { print $n }'; }
log_of() { echo "/var/log/xen/guest-$1.log"; }
console_has() { grep -qaE -e "$2" "$(log_of "$1")" 2>/dev/null; } # GUEST PATTERN
console_count() { grep -caE -e "$2" "$(log_of "$1")" 2>/dev/null; }
exists() { xl domid "$1" >/dev/null 2>&1; }
gone() { ! exists "$1"; }
refused() { ! "$@"; }

# A bridge with dom0 on it, 10.9.0.1.
bridge_up() {
    ip link add xenbr0 type bridge && ip addr add 10.9.0.1/24 dev xenbr0 && ip link set xenbr0 up
}

# guest_config NAME MIB VCPUS [LINE...]: /tmp/NAME.cfg for Debian's kernel with a busybox shell. Its addresses are not random, so
# that QEMU has its programs' code translated already; a panic ends it at once, not after a second of instructions.
guest_config() {
    local name=$1 mib=$2 vcpus=$3
    shift 3
    {
        printf '%s\n' "name = \"$name\"" 'kernel = "/guest/vmlinuz"' 'ramdisk = "/guest/initrd"' \
            "memory = $mib" "vcpus = $vcpus" 'extra = "console=hvc0 panic=-1 norandmaps cryptomgr.notests"' 'on_crash = "destroy"' "$@"
    } >"/tmp/$name.cfg"
}

guest_up() { wait_for 400 console_has "$1" "built-in shell"; }

# inside GUEST COMMAND: types it on the guest's console, waits for its end; succeeds when it does.
# The count is a file: check() runs commands in a subshell.
inside() {
    local guest=$1 tty n
    shift
    echo >>/tmp/inside
    n=$(wc -l </tmp/inside)
    tty=$(xenstore-read "/local/domain/$(xl domid "$guest")/console/tty") || return 1
    echo "$*; echo done-$n-\$?" >"$tty"
    wait_for 300 console_has "$guest" "done-$n-[0-9]" || {
        tail -n 15 "$(log_of "$guest")"
        return 1
    }
    console_has "$guest" "done-$n-0" || {
        tail -n 15 "$(log_of "$guest")"
        return 1
    }
}

# What the last command inside printed on a line of the form "KEY=VALUE".
told() { tr -d '\r' <"$(log_of "$1")" | sed -n "s/^$2=//p" | tail -n 1; }
