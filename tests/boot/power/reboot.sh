# Reboot as the kernel asks for it.
. /argon/lib.sh
reboot -f
