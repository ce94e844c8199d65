# More of the kit's programs as guests under stock xl, in one boot: two guests that talk over a channel.
. /argon/lib.sh
. /argon/services.sh
cd /tmp || exit

gone() { ! xl domid "$1"; }
log() { echo "/var/log/xen/guest-$1.log"; }
said() { grep -q "$2" "$(log "$1")"; }
# start NAME IMAGE MEMORY "COMMAND LINE"
start() {
    printf "name = '%s'\nkernel = '/kit/%s'\nmemory = %s\nextra = '%s'\non_crash = '%s'\n" \
        "$1" "$2" "$3" "$4" "${5:-destroy}" >"$1.cfg"
    rm -f "$(log "$1")"
    xl create -q "$1.cfg"
}

check "services start" start_stock

check "pong is up" start pong pingpong 8 serve
pong=$(xl domid pong)
check "ping is up" start ping pingpong 8 "join=$pong rounds=50"
check "they are told of each other" xenstore-write "/local/domain/$pong/data/peer" "$(xl domid ping)"
check "ping ends" wait_for 300 gone ping
check "pong ends" wait_for 60 gone pong
check "every byte came back" said ping "every byte right"
check "pong saw the end" said pong "sent back [0-9]* bytes, end 0"
sed -n 's/^/  /; /pingpong:/p' "$(log ping)"
check "no channel is left in xenstore" test -z "$(xenstore-ls 2>/dev/null | grep vchan)"
finish
