# A stock Debian kernel as PV guest under Debian's own tools, or Argon's (tools=argon on dom0's
# command line): created, seen, paused, resized, given
# another name, shut down and destroyed; afterwards the machine's free memory is what it was. Then, in
# the same boot, what /argon/axl-test tests if it is there (tests/axl/dom0.sh).
. /argon/lib.sh
. /argon/services.sh

free_memory() { xl info 2>/dev/null | awk '/^free_memory/ { print $3 }'; }
state_of() { xl list "$1" 2>/dev/null | awk 'NR == 2 { print $5 }'; }
on_console() { grep -q "$1" /var/log/xen/guest-web.log; }
answers() { xl sysrq web h && sleep 0.2 && on_console "sysrq: HELP"; }
gone() { ! xl domid web; }

# What xenstored-lite keeps of whom, and a limit changed.
books() {
    id=$(axl domid web)
    check "axl xenstore quota" contains "$(axl xenstore quota)" "^web +$id +[1-9][0-9]* +[1-9][0-9]* .* no$"
    check "its limits" contains "$(axl xenstore quota)" "^nodes +: +[0-9]+ "
    check "the same in JSON" sh -c "axl xenstore quota --json | tr -d '\n ' | grep -q '\"domid\":$id,\"name\":\"web\",\"nodes\":[1-9]'"
    check "a limit is set" axl xenstore quota set nodes 2000
    check "and shown" contains "$(axl xenstore quota --json | tr -d '\n ')" '"limits":[{]("[a-z-]+":[0-9]+,)*"nodes":2000'
    check "axl xenstore check" contains "$(axl xenstore check)" OK
}

case $(cat /proc/cmdline) in
*tools=argon*)
    quick='norandmaps cryptomgr.notests' # the stock kernel's own boot is for the stock tools
    mkdir -p /tmp/bin
    ln -s "$(command -v axl)" /tmp/bin/xl
    PATH=/tmp/bin:$PATH
    check "services start" /argon/start
    check "they are ours" sh -c 'pidof xenstored-lite && pidof argon-consoled && ! pidof xenstored'
    ;;
*) check "services start" start_stock ;;
esac
cat >/tmp/web.cfg <<END
name = "web"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initrd"
extra = "console=hvc0 panic=1 ${quick:-}"
memory = 192
vcpus = ${GUEST_VCPUS:-1}
on_crash = "destroy"
END
before=$(free_memory)
check "xl create" xl create -q /tmp/web.cfg
xl domid web >/dev/null 2>&1 || { finish; exit; }
check "guest reaches userland" wait_for 300 on_console "built-in shell"
check "xl list shows it" contains "$(xl list)" "^web +[0-9]+ +192 +${GUEST_VCPUS:-1} "
check "xl vcpu-list" contains "$(xl vcpu-list web)" "^web "
check "xl pause" xl pause web
check "paused" contains "$(state_of web)" "p"
check "xl unpause" xl unpause web
check "runs again" wait_for 30 sh -c "! xl list web | awk 'NR == 2 { print \$5 }' | grep -q p"
check "xl mem-set" xl mem-set web 160
check "xl rename" xl rename web other
check "renamed" xl domid other
check "renamed back" xl rename other web
check "xl sched-credit2" xl sched-credit2 -d web -w 512
check "weight is 512" contains "$(xl sched-credit2 -d web)" "512"
check "xl vcpu-pin" xl vcpu-pin web 0 0
case $(cat /proc/cmdline) in *tools=argon*) books ;; esac
check "xl save" xl save web /tmp/web.save
check "is gone" wait_for 30 gone
check "xl restore" xl restore /tmp/web.save
rm -f /tmp/web.save
check "goes on where it was" wait_for 60 answers
check "xl destroy" xl destroy web
check "guest is gone" wait_for 30 gone
whole() { [ "$(free_memory)" -ge $((before - 1)) ]; }
check "its memory is free again" wait_for 60 whole
note "free memory: $before MiB before, $(free_memory) MiB after"
[ -e /argon/axl-test ] || { finish; exit; }
rm -rf /tmp/bin && hash -r # xl is Debian's from here on
. /argon/axl-test
