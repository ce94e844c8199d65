# The guest of the disk tests: what it is to do stands in the words after "blkd=" on its command
# line, commas between them. Each step says "guest: NAME ok" or "guest: NAME failed".
step() {
    local what=$1
    shift
    if "$@"; then echo "guest: $what ok"; else echo "guest: $what failed"; fi
}
soon() {
    local n=0
    until "$@"; do [ $((n += 1)) -lt 1000 ] || return 1; usleep 100000; done
}
fails() { ! "$@" 2>/dev/null; }
here() { until [ -b "$1" ]; do usleep 100000; done; }
features() { grep -H . /sys/block/$1/queue/{write_cache,fua,discard_max_bytes,max_segments,nr_requests} 2>/dev/null | sed 's,.*/queue/,  ,'; ls /sys/block/$1/mq; }

for word in $(cat /proc/cmdline); do
    case $word in blkd=*) todo=${word#blkd=} ;; esac
done
for t in $(echo "$todo" | tr , ' '); do
    case $t in
    basic) # xvda: to be written; xvdb: read-only
        here /dev/xvda
        here /dev/xvdb
        features xvda
        step fill io fill /dev/xvda 0 2000 1
        step check io check /dev/xvda 0 2000 1
        step discard io discard /dev/xvda 256 512
        step discarded io zero /dev/xvda 256 512
        step beside io check /dev/xvda 768 1232 1
        step end dd if=/dev/zero of=/dev/xvda bs=512 seek=$(($(cat /sys/block/xvda/size) - 1)) count=1
        step readonly fails dd if=/dev/zero of=/dev/xvdb bs=4096 count=1 conv=fsync
        step readable io check /dev/xvdb 0 64 5
        ;;
    mix) here /dev/xvda; step mix io mix /dev/xvda 2048 600 3 ;;
    nbd) here /dev/xvdc
        step nbd io mix /dev/xvdc 1024 100 9
        step nbdtrim io discard /dev/xvdc 0 256
        step nbdzero io zero /dev/xvdc 0 256
        ;;
    nbdfails) # dom0 makes the server fail in between
        step nbdreadfails soon fails io zero /dev/xvdc 0 1
        step nbdwritefails fails io fill /dev/xvdc 0 1 7
        step nbdworks soon io fill /dev/xvdc 0 16 7
        step nbdkept io check /dev/xvdc 0 16 7
        ;;
    nbdaway) step nbdaway io mix /dev/xvdc 1024 100 11 ;; # its server is gone when this begins
    acks) here /dev/xvda; io acks /dev/xvda ;;
    attach) here /dev/xvdd; step attach io mix /dev/xvdd 256 50 4; until [ ! -b /dev/xvdd ]; do usleep 100000; done; echo "guest: detach ok" ;;
    bench) # does what is typed
        here /dev/xvda
        here /dev/xvdb
        echo "guest: serves"
        while read -r line; do eval "$line"; done </dev/hvc0 ;;
    esac
done
echo "guest: end"
