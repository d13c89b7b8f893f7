//! Whether the server lets us do what we have to: every command that is used is queued in a transaction, which is then
//! thrown away. Redis judges rights, room and role when a command is queued, so nothing is done and nothing left behind.

use std::collections::BTreeSet;

use redis::{Pipeline, RedisError};

use super::RedisRegistry;
use crate::control::Error;
use crate::store::redis::keys;
use crate::store::redis::said::Said;

/// What begins and ends a transaction. Asked for first: without them the others would be done, not queued.
const TRANSACTION: &[&[&str]] =
    &[&["WATCH", keys::PROBE], &["UNWATCH"], &["MULTI"], &["EXEC"], &["MULTI"], &["DISCARD"]];

/// The commands that hosts, and operators on their records, use on a key; and what follows the key.
const ON_A_KEY: &[(&str, &[&str])] = &[
    ("DEL", &[]),
    ("EXISTS", &[]),
    ("GET", &[]),
    ("HDEL", &["f"]),
    ("HEXISTS", &["f"]),
    ("HGET", &["f"]),
    ("HGETALL", &[]),
    ("HINCRBY", &["f", "1"]),
    ("HKEYS", &[]),
    ("HLEN", &[]),
    ("HMGET", &["f"]),
    ("HSCAN", &["0"]),
    ("HSET", &["f", "v"]),
    ("HSETNX", &["f", "v"]),
    ("LLEN", &[]),
    ("LPUSH", &["v"]),
    ("LRANGE", &["0", "1"]),
    ("LTRIM", &["0", "1"]),
    ("MGET", &[]),
    ("PEXPIRE", &["1"]),
    ("RENAME", &[keys::PROBE]),
    ("SADD", &["v"]),
    ("SCARD", &[]),
    ("SET", &["v"]),
    ("SMEMBERS", &[]),
    ("SMISMEMBER", &["v"]),
    ("SMOVE", &[keys::PROBE, "v"]),
    ("SRANDMEMBER", &["1"]),
    ("SREM", &["v"]),
    ("SSCAN", &["0"]),
    ("SUNIONSTORE", &[keys::PROBE]),
    ("TYPE", &[]),
    ("UNLINK", &[]),
    ("XADD", &["*", "f", "v"]),
    ("XREVRANGE", &["+", "-"]),
    ("ZADD", &["1", "v"]),
    ("ZCARD", &[]),
    ("ZINCRBY", &["1", "v"]),
    ("ZMSCORE", &["v"]),
    ("ZREM", &["v"]),
    ("ZREVRANGE", &["0", "1"]),
    ("ZSCAN", &["0"]),
];

/// The same of commands without a key.
const WITHOUT_A_KEY: &[&[&str]] = &[
    &["EVAL", "return 1", "0"],
    &["EVALSHA", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "0"],
    &["PUBLISH", keys::CHANGES, keys::PROBE],
    &["SCAN", "0"],
    &["TIME"],
];

impl RedisRegistry {
    /// Asks whether the server would let us do all that a host has to, with its own keys and with views under these
    /// prefixes, and has room for it. If not, the error names what is not allowed.
    pub async fn try_all(&self, prefixes: &[String]) -> Result<(), Error> {
        let mut asked = Vec::new();
        let mut transaction = Pipeline::new();
        for words in TRANSACTION {
            transaction.cmd(words[0]).arg(&words[1..]);
            asked.push(words[0].to_owned());
        }
        let refusals = self.refusals(&transaction, asked).await?;
        if !refusals.is_empty() {
            return Err(self.refused(refusals));
        }
        let mut all = Pipeline::new();
        let mut asked = vec!["MULTI".to_owned()];
        all.cmd("MULTI");
        for words in WITHOUT_A_KEY {
            all.cmd(words[0]).arg(&words[1..]);
            asked.push(words[0].to_owned());
        }
        for (name, rest) in ON_A_KEY {
            all.cmd(name).arg(keys::PROBE).arg(*rest);
            asked.push((*name).to_owned());
        }
        for prefix in prefixes {
            all.cmd("TYPE").arg(format!("{prefix}probe"));
            asked.push(format!("keys {prefix}*"));
        }
        all.cmd("DISCARD");
        asked.push("DISCARD".to_owned());
        let refusals = self.refusals(&all, asked).await?;
        if refusals.is_empty() { Ok(()) } else { Err(self.refused(refusals)) }
    }

    /// Which of the commands are refused, and what the server says to each.
    async fn refusals(&self, pipeline: &Pipeline, asked: Vec<String>) -> Result<Vec<(String, RedisError)>, Error> {
        // On a connection of its own: on the common one others would queue with it.
        let mut connection = self.own_connection().await?;
        let replies = connection.send_packed_commands(pipeline, 0, asked.len()).await;
        let replies = replies.map_err(|e| self.unavailable(e))?;
        let refused = asked.into_iter().zip(replies);
        Ok(refused.filter_map(|(asked, reply)| Some((asked, reply.extract_error().err()?))).collect())
    }

    /// The refusals in one error: all rights that are lacking, by their names, or else the first of them.
    fn refused(&self, refusals: Vec<(String, RedisError)>) -> Error {
        let lacking = refusals.iter().filter(|(_, error)| is_for_rights(error));
        let mut seen = BTreeSet::new();
        let mut lacking: Vec<String> = lacking.map(|(asked, error)| lacks(asked, error)).collect();
        lacking.retain(|right| seen.insert(right.clone()));
        match refusals.into_iter().next() {
            _ if !lacking.is_empty() => {
                self.unavailable(Said::new("NOPERM", format!("this user has no right to {}", lacking.join(", "))))
            }
            Some((_, error)) => self.unavailable(error),
            None => self.unavailable("an unexpected reply to what was only asked"),
        }
    }
}

/// Whether it is for lack of rights; EXEC says so in its own way.
fn is_for_rights(error: &RedisError) -> bool {
    error.code() == Some("NOPERM") || error.detail().is_some_and(|detail| detail.contains("because of: NOPERM"))
}

/// What a user lacks who was refused a command: the command, or its keys.
fn lacks(asked: &str, error: &RedisError) -> String {
    let detail = error.detail().unwrap_or_default();
    match detail.contains("access") && detail.contains("key") && !asked.starts_with("keys ") {
        true => "keys lantern:*".to_owned(),
        false => asked.to_owned(),
    }
}
