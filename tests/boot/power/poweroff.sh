# Power off through ACPI S5.
. /argon/lib.sh
poweroff -f
