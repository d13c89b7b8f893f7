"""The job of the plugin `balances` as Quix Streams does it: state in its store, views in Redis.

usage: projection.py BOOTSTRAP_SERVERS REDIS_URL TOPIC CONSUMER_GROUP STATE_DIR
"""

import json
import sys
from collections import defaultdict

import redis
from quixstreams import Application
from quixstreams.sinks import BaseSink

ACCOUNTS = "balances:accounts"
TOTALS = "balances:totals"
CHECKPOINTS = "lantern:checkpoints:balances"

COMMIT_INTERVAL = 0.2  # seconds; by default it is 5
FIELDS_MAX = 1_000  # in one command, so that Redis does something else between two


class Views(BaseSink):
    """Writes what has changed since the last checkpoint in one pipeline: of each account the latest state, and sums.

    Quix Streams flushes it before it commits offsets, so after a crash some may be added twice: at least once.
    """

    def __init__(self, url):
        super().__init__()
        self.url = url
        self.forget()

    def setup(self):
        self.redis = redis.Redis.from_url(self.url)
        self.redis.ping()

    def forget(self):
        self.accounts = {}
        self.totals = defaultdict(int)
        self.checkpoints = {}

    def add(self, value, key, timestamp, headers, topic, partition, offset):
        account, total, amount = value
        self.totals[total] += amount
        if account is not None:
            self.totals["events"] += 1
            self.accounts[key] = account
        self.checkpoints[f"{topic}/{partition}"] = offset + 1

    def flush(self):
        accounts = [(key, json.dumps(account)) for key, account in self.accounts.items()]
        with self.redis.pipeline(transaction=False) as pipeline:
            for start in range(0, len(accounts), FIELDS_MAX):
                pipeline.hset(ACCOUNTS, mapping=dict(accounts[start : start + FIELDS_MAX]))
            for name, amount in self.totals.items():
                pipeline.hincrby(TOTALS, name, amount)
            if self.checkpoints:
                pipeline.hset(CHECKPOINTS, mapping=self.checkpoints)
            pipeline.execute()
        self.forget()


def apply(event, state):
    """What an event makes of its account, if it does, and to which total it adds how much."""
    kind = event["type"]
    if kind not in ("AccountOpened", "MoneyDeposited", "MoneyWithdrawn"):
        return None, "ignored", 1
    account = state.get("account") or {"account": event["account"], "owner": "", "balance": 0, "events": 0}
    account["events"] += 1
    if kind == "AccountOpened":
        account["owner"] = event["owner"]
        added = "accounts", 1
    elif kind == "MoneyDeposited":
        account["balance"] += event["amount"]
        added = "deposited", event["amount"]
    else:
        account["balance"] -= event["amount"]
        added = "withdrawn", event["amount"]
    state.set("account", account)
    return account, *added


def main():
    servers, redis_url, topic, group, state_dir = sys.argv[1:]
    application = Application(
        broker_address=servers,
        consumer_group=group,
        state_dir=state_dir,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_INTERVAL,
        loglevel="WARNING",
    )
    events = application.topic(topic, key_deserializer="str", value_deserializer="json")
    application.dataframe(events).apply(apply, stateful=True).sink(Views(redis_url))
    application.run()


main()
