#!/bin/sh
# A server that survives a limit on the size of its files (prlimit --fsize): writing beyond the limit fails, as it does
# on a full disk. Without this, the first such write would end the server by a signal.
trap '' XFSZ
exec ${KEYSLOT_REDIS_SERVER:-redis-server} "$@"
