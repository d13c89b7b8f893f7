//! What an operator asks of Redis beside the records: the history, and how the server is set up.

use std::collections::BTreeMap;

use redis::{Cmd, FromRedisValue, Value, cmd};

use super::RedisRegistry;
use crate::control::{Entry, Error};
use crate::event::TopicPartition;
use crate::projection::View;
use crate::store::redis::keys;
use crate::store::redis::said::of_key;

/// A line of the history, and when it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryLine {
    /// In milliseconds since the Unix epoch, by Redis's clock.
    pub at: i64,
    /// What it says.
    pub entry: Entry,
}

/// How the server is set up. A part is none if the server does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerFacts {
    /// Its version.
    pub version: Option<String>,
    /// `maxmemory-policy`.
    pub eviction: Option<String>,
    /// `maxmemory`, in bytes; 0 for no limit.
    pub memory_max: Option<u64>,
    /// Whether `appendonly` is on.
    pub appends: Option<bool>,
    /// Whether there are rules for saving snapshots.
    pub saves: Option<bool>,
    /// Its time, in milliseconds since the Unix epoch.
    pub now: i64,
}

impl RedisRegistry {
    /// The server as its user knows it, without password.
    pub fn what(&self) -> &str {
        &self.redis.what
    }

    /// The newest lines of the history, the newest last: of one projection, if it is named.
    pub async fn history(&self, projection: Option<&str>, count: usize) -> Result<Vec<HistoryLine>, Error> {
        let mut newest = cmd("XREVRANGE");
        newest.arg(keys::HISTORY).arg("+").arg("-");
        if projection.is_none() {
            newest.arg("COUNT").arg(count);
        }
        let replies: Vec<(String, BTreeMap<String, String>)> = self.ask(&newest).await?;
        let lines = replies.into_iter().map(|(id, mut fields)| {
            let mut field = |name: &str| fields.remove(name).unwrap_or_default();
            let entry = Entry {
                who: field("who"),
                action: field("action"),
                projection: field("projection"),
                what: field("what"),
            };
            let at = id.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or(0);
            HistoryLine { at, entry }
        });
        let wanted = |line: &HistoryLine| projection.is_none_or(|name| line.entry.projection == name);
        let mut lines: Vec<_> = lines.filter(wanted).take(count).collect();
        lines.reverse();
        Ok(lines)
    }

    /// A key that stands where one of these views would, if there is one.
    pub async fn standing(&self, prefix: &str, views: &[View]) -> Result<Option<String>, Error> {
        for view in views {
            let key = format!("{prefix}{}", view.name);
            if !view.keyed {
                let mut connection = self.connection().await?;
                let stands = cmd("EXISTS").arg(&key).query_async::<bool>(&mut connection).await;
                if stands.map_err(|e| self.unavailable(of_key(e, Some(&key.clone().into_bytes()))))? {
                    return Ok(Some(key));
                }
                continue;
            }
            let (mut cursor, pattern) = (0u64, format!("{}:*", literal(&key)));
            loop {
                let mut scan = cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(10_000);
                let (next, found): (u64, Vec<Vec<u8>>) = self.ask(&scan).await?;
                if let Some(key) = found.first() {
                    return Ok(Some(String::from_utf8_lossy(key).into_owned()));
                }
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(None)
    }

    /// How the server is set up.
    pub async fn server_facts(&self) -> Result<ServerFacts, Error> {
        let info = self.info().await?;
        let (seconds, micros): (i64, i64) = self.ask(&cmd("TIME")).await?;
        let saves = self.setting("save").await?.map(|rules| !rules.is_empty());
        Ok(ServerFacts {
            version: info.get("redis_version").cloned(),
            eviction: info.get("maxmemory_policy").cloned(),
            memory_max: info.get("maxmemory").and_then(|bytes| bytes.parse().ok()),
            appends: info.get("aof_enabled").map(|value| value == "1"),
            saves,
            now: seconds * 1000 + micros / 1000,
        })
    }

    /// What the server says of itself; nothing if it may not be asked.
    async fn info(&self) -> Result<BTreeMap<String, String>, Error> {
        let info = self.optional::<String>(&cmd("INFO")).await?.unwrap_or_default();
        let facts = info.lines().filter_map(|line| line.split_once(':'));
        Ok(facts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    /// How far the live generation of a projection has come in some partitions, as its readers see it.
    pub async fn readers_marks(
        &self,
        projection: &str,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<u64>>, Error> {
        let mut get = cmd("HMGET");
        get.arg(keys::checkpoints(projection));
        partitions.iter().for_each(|at| _ = get.arg(keys::partition(at)));
        self.ask(&get).await
    }

    /// Whether the server lets us write by a script. Leaves nothing behind.
    pub async fn try_writing(&self) -> Result<(), Error> {
        let script = "redis.call('SET', KEYS[1], '1') return redis.call('DEL', KEYS[1])";
        self.ask::<u64>(cmd("EVAL").arg(script).arg(1).arg(keys::PROBE)).await.map(drop)
    }

    /// Whether the server lets us hear of changes.
    pub async fn try_listening(&self) -> Result<(), Error> {
        self.subscribe().await.map(drop).map_err(|e| self.unavailable(e))
    }

    /// What the server drops when it runs out of memory (`maxmemory-policy`); none if it does not say.
    pub async fn eviction(&self) -> Result<Option<String>, Error> {
        Ok(self.info().await?.remove("maxmemory_policy"))
    }

    /// A setting of the server. None if it may not be asked: who may, reads the server's own passwords too.
    async fn setting(&self, name: &str) -> Result<Option<String>, Error> {
        let found = self.optional::<BTreeMap<String, String>>(cmd("CONFIG").arg("GET").arg(name)).await?;
        Ok(found.and_then(|mut found| found.remove(name)))
    }

    /// Asks what need not be known. None if it may not be asked.
    async fn optional<T: FromRedisValue>(&self, command: &Cmd) -> Result<Option<T>, Error> {
        let mut connection = self.connection().await?;
        let reply = command.query_async::<Value>(&mut connection).await;
        match reply.map(redis::from_redis_value::<T>) {
            Ok(found) => Ok(found.ok()),
            Err(error) if error.is_io_error() || error.is_connection_dropped() => Err(self.unavailable(error)),
            Err(_) => Ok(None),
        }
    }
}

/// A text as the pattern that nothing else fits.
fn literal(text: &str) -> String {
    let escaped = text.chars().flat_map(|letter| {
        let escape = matches!(letter, '*' | '?' | '[' | ']' | '^' | '-' | '\\').then_some('\\');
        escape.into_iter().chain([letter])
    });
    escaped.collect()
}
