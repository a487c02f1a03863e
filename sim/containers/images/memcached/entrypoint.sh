#!/bin/sh
# As the usual image does: what begins with a dash are arguments of memcached.
set -e
[ "${1#-}" = "$1" ] || set -- memcached "$@"
exec "$@"
