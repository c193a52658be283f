#!/bin/sh
# A server that is KEYSLOT_NEXT_SERVER once its folder has a file `upgraded`.
if [ -f upgraded ]; then exec "$KEYSLOT_NEXT_SERVER" "$@"; fi
exec ${KEYSLOT_REDIS_SERVER:-redis-server} "$@"
