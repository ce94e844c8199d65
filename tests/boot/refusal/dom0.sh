# Nothing to do but to have got here.
. /argon/lib.sh
finish
