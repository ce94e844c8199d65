# A crash of the control domain's kernel.
. /argon/lib.sh
echo 1 >/proc/sys/kernel/sysrq
echo c >/proc/sysrq-trigger
