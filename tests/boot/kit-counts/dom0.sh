# The machine of `run`: hello in 4 MiB, then httpd in 8 MiB with a static address, which is asked for one
# page. The counting is done outside, from QEMU's trace.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

log() { echo "/var/log/xen/guest-$1.log"; }
said() { grep -q "$2" "$(log "$1")"; }

check "services start" start_stock
check "a bridge" sh -c "brctl addbr br0 && ip addr add 10.0.0.1/24 dev br0 && ip link set br0 up"
printf '%s\n' 'name = "hello"' 'kernel = "/kit/hello"' 'memory = 4' >hello.cfg
printf '%s\n' 'name = "httpd"' 'kernel = "/kit/httpd"' 'memory = 8' \
    'vif = [ "bridge=br0,ip=10.0.0.3" ]' >httpd.cfg
check "hello starts in 4 MiB" xl create -q hello.cfg
check "hello says hello" wait_for 60 said hello "Hello, world!"
check "httpd starts in 8 MiB" xl create -q httpd.cfg
check "httpd serves its page" wait_for 120 wget -q -O index http://10.0.0.3/
check "it is the right one" grep -q "guest-kit" index
xl destroy httpd
finish
