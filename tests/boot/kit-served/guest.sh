# The stock guest: the same servers as processes, on the same addresses and the same kind of disk.
for word in $(cat /proc/cmdline); do
    case $word in served=*) what=${word#served=} ;; esac
done
until [ -e /sys/class/net/eth0 ]; do usleep 100000; done
case $what in
httpd)
    ip addr add 10.0.0.4/24 dev eth0 && ip link set eth0 up
    mkdir /www && client make /www 10000 && cd /www && /bin/httpd
    ;;
kv)
    ip addr add 10.0.0.5/24 dev eth0 && ip link set eth0 up
    until [ -e /dev/xvda ]; do usleep 100000; done
    kv
    ;;
esac
