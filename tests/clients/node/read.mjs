// Reads views that Lantern keeps. usage: node read.mjs REDIS_URL TOPIC/PARTITION OFFSET
import { setTimeout as sleep } from "node:timers/promises";
import Redis from "ioredis";

const PATIENCE = 30_000; // milliseconds

// Read your writes: returns when the projection has applied the event at this offset.
async function waitFor(client, projection, partition, offset) {
  const deadline = Date.now() + PATIENCE;
  while (Number(await client.hget(`lantern:checkpoints:${projection}`, partition)) <= offset) {
    if (Date.now() > deadline) {
      throw new Error(`${projection} has not applied ${partition}@${offset} after ${PATIENCE} ms`);
    }
    await sleep(10);
  }
}

const [url, partition, offset] = process.argv.slice(2);
const client = new Redis(url);

// Each projection goes its own way, so each has a checkpoint of its own.
await waitFor(client, "balances", partition, Number(offset));
await waitFor(client, "leaderboard", partition, Number(offset));

const account = JSON.parse(await client.hget("balances:accounts", "acc-1"));
console.log(`acc-1: ${account.owner} has ${account.balance}`);

for (const document of await client.hmget("balances:accounts", "acc-2", "acc-3", "no-such-account")) {
  console.log(document ? JSON.parse(document).account : "none");
}

const totals = await client.hgetall("balances:totals");
console.log(`deposited ${totals.deposited}, withdrawn ${totals.withdrawn}`);

const top = await client.zrevrange("leaderboard:by-balance", 0, 2, "WITHSCORES");
for (let i = 0; i < top.length; i += 2) {
  console.log(`${i / 2 + 1}. ${top[i]} ${top[i + 1]}`);
}

// In one MULTI all views are of the same moment, and of the same generation.
const replies = await client
  .multi()
  .hget("balances:totals", "events")
  .hget("balances:totals", "ignored")
  .hgetall("lantern:checkpoints:balances")
  .exec();
const [events, ignored, checkpoint] = replies.map(([error, reply]) => {
  if (error) throw error;
  return reply;
});
console.log(`${Number(events) + Number(ignored)} events in generation ${checkpoint.generation}`);

// How fresh is that? For each partition: the next offset, and the time of the newest event in milliseconds.
for (const field of Object.keys(checkpoint).filter((field) => field.endsWith("/time")).sort()) {
  const partition = field.slice(0, -"/time".length);
  console.log(`${partition} is at ${checkpoint[partition]}, newest event ${checkpoint[field]}`);
}

await client.quit();
