# What is typed on the serial line reaches a process in dom0, and its answer comes back.
. /argon/lib.sh
echo "console test: ready"
read -t 200 line </dev/console || outcome FAILURE "nothing arrived"
check "the line arrived whole" test "$line" = "0123456789 the quick brown fox"
finish
