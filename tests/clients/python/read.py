"""Reads views that Lantern keeps. usage: read.py REDIS_URL TOPIC/PARTITION OFFSET"""

import json
import sys
import time

import redis

PATIENCE = 30  # seconds


def wait_for(client, projection, partition, offset):
    """Read your writes: returns when the projection has applied the event at this offset."""
    deadline = time.monotonic() + PATIENCE
    while int(client.hget(f"lantern:checkpoints:{projection}", partition) or 0) <= offset:
        if time.monotonic() > deadline:
            sys.exit(f"{projection} has not applied {partition}@{offset} after {PATIENCE} s")
        time.sleep(0.01)


url, partition, offset = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = redis.Redis.from_url(url, decode_responses=True)

# Each projection goes its own way, so each has a checkpoint of its own.
wait_for(client, "balances", partition, offset)
wait_for(client, "leaderboard", partition, offset)

account = json.loads(client.hget("balances:accounts", "acc-1"))
print(f"acc-1: {account['owner']} has {account['balance']}")

for document in client.hmget("balances:accounts", "acc-2", "acc-3", "no-such-account"):
    print(json.loads(document)["account"] if document else "none")

totals = client.hgetall("balances:totals")
print(f"deposited {totals['deposited']}, withdrawn {totals['withdrawn']}")

for rank, (member, score) in enumerate(client.zrevrange("leaderboard:by-balance", 0, 2, withscores=True), 1):
    print(f"{rank}. {member} {score:.0f}")

# In one MULTI all views are of the same moment, and of the same generation.
with client.pipeline(transaction=True) as moment:
    moment.hget("balances:totals", "events")
    moment.hget("balances:totals", "ignored")
    moment.hgetall("lantern:checkpoints:balances")
    events, ignored, checkpoint = moment.execute()
print(f"{int(events) + int(ignored)} events in generation {checkpoint['generation']}")

# How fresh is that? For each partition: the next offset, and the time of the newest event in milliseconds.
for field in sorted(field for field in checkpoint if field.endswith("/time")):
    partition = field.removesuffix("/time")
    print(f"{partition} is at {checkpoint[partition]}, newest event {checkpoint[field]}")
