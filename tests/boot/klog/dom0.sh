# Prints the kernel's log with its levels, for the host to compare.
. /argon/lib.sh
echo "klog: begin"
dmesg -r
echo "klog: end"
finish
