#!/bin/bash
# Put what was built on this machine: the hypervisor for GRUB, dom0's tools and their services, the
# guest-kit, the man pages. Nothing is started or enabled; the last lines say how.
#
# usage: dom0-tools/install.sh [--remove]      (ninja install, ninja uninstall)
# PREFIX is /usr/local, DESTDIR empty, unless the environment says otherwise. The list of what was
# put where is $PREFIX/lib/argon/installed; files that an older version left are taken away by it.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr/local} dest=${DESTDIR:-}
list=$prefix/lib/argon/installed
die() { echo "install: $*" >&2; exit 1; }
[[ $prefix == /* && $prefix != *[[:space:]\|]* ]] || die "PREFIX=$prefix: not an absolute path without spaces"

forget() { # LIST: what the installed list names and this one does not, and the folders that are empty then
    [ -e "$dest$list" ] || return 0
    local gone
    gone=$(comm -13 "$1" <(LC_ALL=C sort "$dest$list") | sed "s|^|$dest|")
    [ -n "$gone" ] || return 0
    xargs -d '\n' rm -f <<<"$gone"
    sed 's,/[^/]*$,,' <<<"$gone" | sort -ru | xargs -d '\n' rmdir -p --ignore-fail-on-non-empty 2>/dev/null || true
}

if [ "${1:-}" = --remove ]; then
    [ -e "$dest$list" ] || die "$dest$list: not there, so nothing is known to be installed"
    forget /dev/null
    echo "install: Argon is removed; /etc/xen, /var/log/xen and /var/lib/xen are left. Now: update-grub; systemctl daemon-reload"
    exit
fi
[ $# = 0 ] || die "usage: dom0-tools/install.sh [--remove]"

# All is laid out in a folder first: what is missing is found before anything is changed.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
top=$stage$prefix kit=$stage$prefix/lib/argon
put() { # FOLDER SOURCE...
    mkdir -p "$1"
    cp -RL "${@:2}" "$1" || die "run 'ninja' first"
}
put "$stage/boot" build/hypervisor/argon
mv "$stage/boot/argon" "$stage/boot/xen-argon" # GRUB's own scripts make an entry for each /boot/xen*
put "$top/sbin" build/dom0-tools/{axl,argon-blkd,argon-consoled,argon-netd} build/xenstore-lite/xenstored-lite
put "$top/bin" build/dom0-tools/gk-core/gk-core
ln -s "$prefix/lib/argon/guest-kit/gk-cc" "$top/bin/gk-cc"
put "$top/lib/systemd/system" dom0-tools/systemd/*
sed -i "s|@PREFIX@|$prefix|" "$top"/lib/systemd/system/*
put "$top/share/bash-completion/completions" dom0-tools/axl/axl.bash
mv "$top/share/bash-completion/completions/axl.bash" "$top/share/bash-completion/completions/axl"
for n in 1 5 7 8; do put "$top/share/man/man$n" docs/man/*.$n; done
# The kit stays as it lies in the tree, which is how gk-cc finds it.
put "$kit/guest-kit" guest-kit/{gk-cc,gk.ld,include,examples}
put "$kit/build/guest-kit" build/guest-kit/{libguestkit.a,libc}
put "$kit/build" build/include
chmod -R u=rwX,go=rX "$stage"
chmod -x "$stage/boot/xen-argon"
touch "$stage$list" # it names itself, and so is there before find looks
(cd "$stage" && find . -type f -o -type l) | sed 's,^\.,,' | LC_ALL=C sort >"$stage$list"

forget "$stage$list"
# tar gives a program that runs a new file, and leaves folders and links to folders as they are.
umask 022
mkdir -p "$dest/" && sed 's,^/,,' "$stage$list" | tar -C "$stage" -cT - |
    tar -C "$dest/" -x --keep-directory-symlink --no-same-owner && mkdir -p "$dest/etc/xen/auto" "$dest/var/log/xen" "$dest/var/lib/xen" ||
    die "$dest/ cannot be written: run it as root, or give DESTDIR"
cat <<END
install: $(wc -l <"$dest$list") files, named in $dest$list.
To boot it:      update-grub, and choose "with Xen hypervisor" at the next start (docs/operator/install.md)
To have guests:  systemctl daemon-reload; systemctl enable argon.target
To remove it:    ninja uninstall
END
