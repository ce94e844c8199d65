#!/bin/bash
# `ninja install` into a folder: what the manual names is there and works from there, a second time takes away what is no
# longer made, and the removal leaves nothing of ours.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
top=$PWD/build/log/install/root bad=0
export DESTDIR=$top PREFIX=/opt/argon
rm -rf "$top"
check() {
    local what=$1 out
    shift
    out=$("$@" 2>&1) && return
    echo "not ok: $what"
    echo "$out" | sed 's/^/    | /'
    bad=1
}
install=dom0-tools/install.sh at=$top$PREFIX
check "it installs" $install
check "the hypervisor" cmp build/hypervisor/argon "$top/boot/xen-argon"
check "axl" sh -c "'$at/sbin/axl' help | grep -q autostart"
programs() { # that the units start are there, and no place is left to be filled in
    local p n=0
    ! grep -r '@' "$at/lib/systemd/system" || return 1
    for p in $(sed -nE 's/^Exec[A-Za-z]+=-?([^ ]+).*/\1/p' "$at"/lib/systemd/system/*); do
        [[ $p == /sbin/* ]] && continue
        [ -x "$top$p" ] || { echo "$p is not there"; return 1; }
        n=$((n + 1))
    done
    [ $n -ge 7 ]
}
check "what the units start" programs
also() { # argon.target's list is all there is
    diff <(sed -n 's/^Also=//p' "$at/lib/systemd/system/argon.target" | tr ' ' '\n' | sort) \
        <(cd "$at/lib/systemd/system" && ls ./*.service | sed 's,./,,')
}
check "one enable enables all" also
check "each page" sh -c "test \$(find '$at/share/man' -name '*.[0-9]' | wc -l) = \$(ls docs/man/*.[0-9] | wc -l)"
check "axl's completion" test -s "$at/share/bash-completion/completions/axl"
printf '#include <stdio.h>\nint main(void) { return puts("x") < 0; }\n' >"$top/one.c"
check "gk-cc makes an image from there" "$at/lib/argon/guest-kit/gk-cc" -o "$top/one" "$top/one.c"
check "a PV kernel" sh -c "readelf -n '$top/one' | grep -q Xen"
kept=$(wc -l <"$at/lib/argon/installed")
echo "$PREFIX/share/man/man1/of-old.1" >>"$at/lib/argon/installed"
touch "$at/share/man/man1/of-old.1"
check "again" $install
check "what an older one had is gone" test ! -e "$at/share/man/man1/of-old.1" -a "$(wc -l <"$at/lib/argon/installed")" = "$kept"
rm "$top"/one*
touch "$top/etc/xen/web.cfg" "$at/sbin/mine"
check "it is removed" $install --remove
left() { diff <(cd "$top" && find . -type f -o -type l | sort) <(printf '%s\n' ./etc/xen/web.cfg ./opt/argon/sbin/mine); }
check "but for what is not ours" left
check "a second removal says that there is none" sh -c "! $install --remove 2>&1 && $install --remove 2>&1 | grep -q 'not there'"
check "a bad prefix is refused" sh -c "! PREFIX=here $install"
rm -rf "$top"
exit $bad
