#!/bin/sh
# A server whose clock differs from the machine's by what the file `clock` in its folder says; see clock.c, whose
# library is KEYSLOT_CLOCK_LIBRARY.
if [ -f server.conf ]; then
  [ -f clock ] || echo +0 > clock
  export KEYSLOT_CLOCK="$PWD/clock" LD_PRELOAD="$KEYSLOT_CLOCK_LIBRARY"
fi
exec ${KEYSLOT_REDIS_SERVER:-redis-server} "$@"
