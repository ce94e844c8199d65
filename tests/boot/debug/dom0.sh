# Waits while Argon's debug keys are pressed, then for a line typed to dom0 itself.
. /argon/lib.sh
echo "debug: ready"
line=
until [ -n "$line" ]; do read -r line; done </dev/console # the Enter behind the switch comes too
check "input is dom0's again" test "$line" = "back to dom0"
note "dom0 read: $line"
finish
