# Counts of stock Linux, in dom0 and in a guest that has a processor to itself.
. /argon/lib.sh
. /argon/services.sh
. /argon/guest.sh
/bench/micro dom0
check "services start" start_stock
mkdir -p /tmp/more/argon /tmp/more/bench
cp /bench/micro /tmp/more/bench/
echo '/bench/micro guest' >/tmp/more/argon/test
(cd /tmp/more && find . | cpio -o -H newc 2>/dev/null) >/tmp/more.cpio
cat /guest/initrd /tmp/more.cpio >/tmp/initrd
guest_config web 160 1
sed -i 's,^ramdisk.*,ramdisk = "/tmp/initrd",' /tmp/web.cfg
check "xl create" xl create -q /tmp/web.cfg
check "the guest has counted" wait_for 300 console_has web 'bench guest_mprotect'
tr -d '\r' <"$(log_of web)" | grep '^bench guest'
finish
