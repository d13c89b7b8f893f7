#!/usr/bin/env bash
# Reads views that Lantern keeps. usage: read.sh REDIS_URL TOPIC/PARTITION OFFSET
set -euo pipefail
url=$1 partition=$2 offset=$3

ask() { redis-cli -u "$url" "$@"; }

# wait_for PROJECTION: reads your writes: returns when the projection has applied the event at the offset.
wait_for() {
    local deadline=$((SECONDS + 30)) next
    while [ "$SECONDS" -le "$deadline" ]; do
        next=$(ask HGET "lantern:checkpoints:$1" "$partition")
        [ "${next:-0}" -le "$offset" ] || return 0
        sleep 0.05
    done
    echo "$1 has not applied $partition@$offset after 30 s" >&2
    exit 1
}

# Each projection goes its own way, so each has a checkpoint of its own.
wait_for balances
wait_for leaderboard

ask HGET balances:accounts acc-1
ask HMGET balances:accounts acc-2 acc-3 no-such-account
ask HGETALL balances:totals
ask ZREVRANGE leaderboard:by-balance 0 2 WITHSCORES

# In one MULTI all views are of the same moment, and of the same generation. The last one tells how fresh that is:
# for each partition the next offset, and the time of the newest event in milliseconds.
ask <<'COMMANDS'
MULTI
HMGET balances:totals events ignored
HGETALL lantern:checkpoints:balances
EXEC
COMMANDS
