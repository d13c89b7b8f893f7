//! What the views of a workload must hold, and whether they do: as values, not as texts.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use lantern_tests::bank::BankViews;
use lantern_tests::{Event, RedisServer, view};
use serde_json::Value;

use super::Workload;
use crate::native::{Commands, Message, Origin};

/// Structures by their key, without the name of the projection.
#[derive(Debug, Default, PartialEq)]
pub struct Views(BTreeMap<String, Structure>);

#[derive(Debug, PartialEq)]
enum Structure {
    /// Documents and counters. A counter of 0 is as good as none.
    Hash(BTreeMap<String, Value>),
    Ranking(BTreeMap<String, f64>),
}

impl Views {
    /// What the fold of a bank says of `balances`.
    pub fn of_bank(bank: BankViews) -> Views {
        let totals = bank.totals.into_iter().map(|(name, count)| (name, Value::from(count))).collect();
        let hashes = [("accounts", bank.accounts), ("totals", totals)];
        Views(hashes.map(|(name, hash)| (name.to_owned(), Structure::Hash(hash))).into())
    }

    /// What the native job makes of these events.
    pub fn of_job(workload: Workload, events: &[Event]) -> anyhow::Result<Views> {
        let mut job = workload.job(&Origin::Nowhere)?;
        for event in events {
            job.apply(&Message {
                partition: event.partition.cast_signed(),
                timestamp: event.timestamp,
                key: event.key.as_deref(),
                payload: event.payload.as_deref(),
            })?;
        }
        let mut commands = Commands::default();
        job.take(&mut commands)?;
        let mut views = Views::default();
        let prefix = format!("{}:", workload.projection());
        for words in commands.iter() {
            let words: Vec<&str> = words.map(str::from_utf8).collect::<Result<_, _>>()?;
            views.play(&words, &prefix)?;
        }
        Ok(views)
    }

    /// Does what a command would do to the Redis of a job that writes all at once.
    fn play(&mut self, words: &[&str], prefix: &str) -> anyhow::Result<()> {
        let [name, key, rest @ ..] = words else { bail!("a command has a name and a key") };
        let key = key.strip_prefix(prefix).context("a view is the projection's own")?.to_owned();
        let (pairs, _) = rest.as_chunks::<2>();
        let structure = match *name {
            "HSET" => {
                let field =
                    |[id, text]: &[&str; 2]| serde_json::from_str(text).map(|value| ((*id).to_owned(), value));
                Structure::Hash(pairs.iter().map(field).collect::<Result<_, _>>()?)
            }
            "ZADD" => {
                let member =
                    |[score, member]: &[&str; 2]| score.parse().map(|score| ((*member).to_owned(), score));
                Structure::Ranking(pairs.iter().map(member).collect::<Result<_, _>>()?)
            }
            // Nothing was there before.
            "HDEL" | "ZREM" => return Ok(()),
            other => bail!("a job that writes all at once has no use for {other}"),
        };
        self.0.insert(key, structure);
        Ok(())
    }

    /// Whether some structure has hardly anything in it, or there is none.
    #[cfg(test)]
    pub fn is_trivial(&self) -> bool {
        let few = |structure: &Structure| match structure {
            Structure::Hash(hash) => hash.len() < 2,
            Structure::Ranking(ranking) => ranking.len() < 2,
        };
        self.0.is_empty() || self.0.values().any(few)
    }

    /// Passes if a projection of this name holds just this.
    pub fn hold_under(&self, name: &str, redis: &RedisServer) -> Result<(), String> {
        for (key, structure) in &self.0 {
            let key = format!("{name}:{key}");
            match structure {
                Structure::Hash(expected) => {
                    let parse = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
                    let seen = redis.hash(&key).into_iter().map(|(id, text)| (id, parse(text)));
                    view::same(&key, expected, &seen.filter(|(_, value)| *value != 0).collect())?;
                }
                Structure::Ranking(expected) => view::same(&key, expected, &redis.ranking(&key))?,
            }
        }
        let own = |key: &String| key.strip_prefix(name).and_then(|key| key.strip_prefix(':')).map(str::to_owned);
        match redis.keys().iter().filter_map(own).find(|key| !self.0.contains_key(key)) {
            Some(surplus) => Err(format!("{name}:{surplus} should not be there")),
            None => Ok(()),
        }
    }
}
