# Start the control domain's daemons: ours where the image has them, else Debian's.

start_stock() {
    xenstored --pid-file=/run/xen/xenstored.pid || return 1
    xenstore-write /local/domain/0/name Domain-0
    xen-init-dom0 || return 1
    xenconsoled --log=guest --log-dir=/var/log/xen --pid-file=/run/xen/xenconsoled.pid
}

start_services() {
    [ -e /proc/xen/capabilities ] || return 0
    grep -q control_d /proc/xen/capabilities || return 0
    if [ -x /argon/start ]; then
        /argon/start
    elif [ -x /usr/sbin/xenstored ]; then
        start_stock >/dev/null
    fi
}
