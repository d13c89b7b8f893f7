//! Dead letters as an operator sees them: counts and reads them, and says what is to become of some.

use std::collections::BTreeMap;

use redis::{cmd, pipe};
use serde_json::json;

use super::RedisRegistry;
use crate::control::{Entry, Error, FaultAt};
use crate::letter::Letter;
use crate::store::redis::{keys, letters};

/// What is to become of some letters of a lane.
#[derive(Clone, Copy, Debug)]
pub struct Settlement<'a> {
    /// The projection.
    pub projection: &'a str,
    /// The generation.
    pub generation: u64,
    /// When that was begun: another may have its number by now.
    pub begun: i64,
    /// The lane's share.
    pub share: &'a str,
    /// The numbers of the letters.
    pub letters: &'a [u64],
    /// Whether they are dropped; else the lane tries them again.
    pub discards: bool,
    /// What the history says of it.
    pub entry: &'a Entry,
}

impl RedisRegistry {
    /// What the lanes of a generation have set aside, by share and number; without content and backtraces, which may be much.
    pub async fn letters(
        &self,
        projection: &str,
        generation: u64,
    ) -> Result<BTreeMap<String, BTreeMap<u64, Letter>>, Error> {
        let mut all = BTreeMap::new();
        let mut connection = self.connection().await?;
        for share in self.shares(projection, generation).await? {
            let dead = keys::dead_prefix(projection, generation) + &share;
            let mut of_lane = BTreeMap::new();
            let take = |number, letter: Letter| {
                let (headers, payload, backtrace) = Default::default();
                of_lane.insert(number, Letter { headers, payload, backtrace, ..letter });
            };
            let scanned = letters::scan(&mut connection, &dead, take).await;
            scanned.map_err(|failure| self.unread(failure, &dead))?;
            all.insert(share, of_lane);
        }
        Ok(all)
    }

    /// One letter in full, if it is there.
    pub async fn letter(
        &self,
        projection: &str,
        generation: u64,
        share: &str,
        number: u64,
    ) -> Result<Option<Letter>, Error> {
        let dead = keys::dead_prefix(projection, generation) + share;
        let read = letters::read(&mut self.connection().await?, &dead, &[number]).await;
        Ok(read.map_err(|failure| self.unread(failure, &dead))?.pop().map(|(_, letter)| letter))
    }

    fn unread(&self, failure: letters::Failure, key: &str) -> Error {
        match failure {
            letters::Failure::Redis(error) => self.unavailable(error),
            letters::Failure::Format(reason) => Error::Format { key: key.to_owned(), reason },
        }
    }

    /// How many letters the lanes of a generation have, and how many of these wait to be tried again.
    pub async fn count_letters(&self, projection: &str, generation: u64) -> Result<(u64, u64), Error> {
        let mut pipeline = pipe();
        for share in self.shares(projection, generation).await? {
            pipeline.cmd("HLEN").arg(keys::dead_prefix(projection, generation) + &share);
            pipeline.cmd("SCARD").arg(keys::retry_prefix(projection, generation) + &share);
        }
        let counts: Vec<u64> = self.ask_all(&pipeline).await?;
        let sum = |from: usize| counts.iter().skip(from).step_by(2).sum();
        Ok((sum(0), sum(1)))
    }

    /// Does what a settlement says, in one atomic step, and gives how many of the letters there still were. The lane
    /// begins anew with that.
    pub async fn settle(&self, settlement: &Settlement<'_>) -> Result<u64, Error> {
        let Settlement { projection, generation, begun, share, letters, discards, entry } = *settlement;
        let at = FaultAt { projection: projection.to_owned(), generation, share: share.to_owned() };
        let numbers: Vec<String> = letters.iter().map(u64::to_string).collect();
        let ask = json!({
            "name": projection,
            "generation": keys::generation(projection, generation),
            "begun": begun.to_string(),
            "faults": keys::FAULTS,
            "fault": keys::fault(&at),
            "channel": keys::CHANGES,
            "lane": keys::lane_prefix(projection, generation) + share,
            "dead": keys::dead_prefix(projection, generation) + share,
            "retry": keys::retry_prefix(projection, generation) + share,
            "numbers": numbers,
            "discards": discards,
            "history": keys::HISTORY,
            "entry": ["who", entry.who, "action", entry.action, "projection", projection, "what", entry.what],
        });
        self.run(include_str!("settle.lua"), &ask).await
    }

    async fn shares(&self, projection: &str, generation: u64) -> Result<Vec<String>, Error> {
        self.ask(cmd("SMEMBERS").arg(keys::lanes(projection, generation))).await
    }
}
