#!/bin/bash
# axl.bash in a bash: commands and options as axl itself tells them, names of guests from a list that
# stands in for the hypervisor's. usage: axl_completion.sh AXL
set -uo pipefail
real=$(realpath "$1")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
axl() {
    if [ "$1" = list ]; then
        printf '%s\n' 'Name ID Mem VCPUs State Time(s)' 'Domain-0 0 1024 2 r----- 9.1' \
            'web 3 256 1 -b---- 3.8' 'worker 4 256 1 -b---- 0.2'
    else
        "$real" "$@"
    fi
}
. dom0-tools/axl/axl.bash || exit 1
# What Tab offers behind the words given (the last is what is typed so far), sorted.
offers() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _axl
    printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ' | sed 's/^ *//; s/ $//'
}
bad=0 n=0
want() { # "OFFERED" WORD...
    local is want=$1
    shift
    is=$(offers "$@")
    n=$((n + 1))
    [ "$is" = "$want" ] || { echo "$*: offers '$is', not '$want'"; bad=1; }
}
cd "$work" || exit 1
touch one.cfg two.cfg && mkdir dir
guests='Domain-0 web worker'
want 'block-attach block-detach block-list block-stat' axl bl
want "$("$real" help --commands | sort | tr '\n' ' ' | sed 's/\(.* gdb \)/\1help /; s/ $//')" axl ''
want "$("$real" help --commands | sort | tr '\n' ' ' | sed 's/ $//')" axl help ''
want 'create' axl -N cre
want 'web worker' axl destroy w
want "$guests" axl list ''
want "$guests" axl list web ''
want 'dir one.cfg two.cfg' axl create ''
want 'one.cfg' axl create -c on
want 'one.cfg' axl create -f o
want '' axl create one.cfg ''
want 'dir one.cfg two.cfg' axl config-update web ''
want 'dir one.cfg two.cfg' axl restore ''
want 'dir one.cfg two.cfg' axl restore one.cfg ''
want "$guests" axl save ''
want 'dir one.cfg two.cfg' axl save -c web ''
want '--long' axl list --l
want '--json' axl list --j
want '--defconfig --dryrun' axl create --d
want '' axl destroy --j
want 'init nmi power reset sleep' axl trigger web ''
want 'list start stop' axl autostart ''
want 'dir' axl autostart -d ''
want 'start stop' axl autostart -d dir -t 5 st
want '0 3 4' axl domname ''
want "$guests" axl sched-credit2 -d ''
want 'check quota' axl xenstore ''
want 'all' axl vcpu-pin web ''
want "$guests" axl shutdown -w -t 5 ''
want 'dir one.cfg two.cfg' axl run -m 64 ''
want "$guests" axl block-stat ''
want '' axl dmesg ''
want '' axl rename web ''
# Each option of each command is offered.
for c in $("$real" help --commands); do
    is=" $(offers axl "$c" -) "
    while read -r o _; do
        n=$((n + 1))
        o=${o/\[*/=}
        [[ $is == *" $o "* ]] || { echo "axl $c -: does not offer $o"; bad=1; }
    done < <("$real" help --options "$c")
done
echo "$n completions"
exit $bad
