# Debian's daemons and queries work in dom0: xenstored, xenconsoled, xen-init-dom0, xl info, list,
# vcpu-list, dmesg, debug-keys, uptime.
. /argon/lib.sh
. /argon/services.sh

check "services start" start_stock
cpus=$(nproc)
info=$(xl info 2>&1)
check "xl info: release" contains "$info" "^release +: 6\."
check "xl info: version 4.17" contains "$info" "^xen_version +: 4\.17"
check "xl info: processors" contains "$info" "^nr_cpus +: $cpus$"
check "xl info: free memory" contains "$info" "^free_memory +: [0-9]+$"
check "xl info: capabilities" contains "$info" "^xen_caps +: .*xen-3.0-x86_64"
list=$(xl list 2>&1)
check "xl list: dom0 runs" contains "$list" "^Domain-0 +0 +[0-9]+ +$cpus +r-+ +[0-9.]+$"
check "xl list -l" xl list -l
vcpus=$(xl vcpu-list 2>&1)
check "xl vcpu-list: a line for each" test "$(echo "$vcpus" | grep -c '^Domain-0 ')" = "$cpus"
check "xl dmesg" contains "$(xl dmesg 2>&1)" "."
check "xl debug-keys h" xl debug-keys h
check "debug-keys' output is in xl dmesg" contains "$(xl dmesg)" "pressed|key"
check "xl uptime" contains "$(xl uptime 2>&1)" "^Domain-0 +0 +[0-9]+:"
check "xenstore answers" contains "$(xenstore-read /local/domain/0/name)" "Domain-0"
check "xen-diag or lsevtchn" lsevtchn 0
finish
