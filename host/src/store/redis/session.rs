//! One lane's hold on Redis: its epoch, its watch, its commits.
//!
//! The lane's hash is watched from before it is read until the transaction that changes it. So a transaction goes
//! through only if the hash was, all that time, what this session had checked. The next watch and read travel behind
//! the transaction in the same round trip.

use std::hash::{BuildHasher, Hasher, RandomState};

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Value, cmd};

use super::commands::Touched;
use super::lane::LaneHash;
use super::said::{is_wrong_type, of_key};
use super::transaction::{Target, watch};
use super::{Redis, RedisCells, keys, letters};
use crate::letter::{Letter, SetAside};
use crate::op::COUNTER_MAX;
use crate::projection::{Kind, LaneId, Ordering, Projection, Share};
use crate::store::{Checkpoint, Commit, Error, Session};

/// Every so many looks a session looks by its own connection, which a server may close when it has not been used for long: at the
/// latest after half a minute, for a lane that rests.
const OWN_LOOK: u32 = 6;

/// A lane's hold on Redis.
pub struct RedisSession {
    redis: Redis,
    connection: MultiplexedConnection,
    projection: Projection,
    id: LaneId,
    key: String,
    /// The keys of its dead letters, and of those that are to be tried again.
    dead: String,
    retry: String,
    /// What the lane's hash must be for the next commit.
    expected: LaneHash,
    /// What was found wrong behind the last commit; the next call tells it.
    fault: Option<Error>,
    /// How often it has looked.
    looks: u32,
}

impl RedisSession {
    pub(super) async fn open(redis: Redis, projection: Projection, share: Share) -> Result<Self, Error> {
        let id = LaneId { projection: projection.name.clone(), generation: projection.generation, share };
        let mut session = Self {
            connection: redis.connect().await?,
            redis,
            key: keys::lane(&id),
            dead: keys::dead(&id),
            retry: keys::retry(&id),
            expected: LaneHash { owner: nonce(), ..LaneHash::default() },
            fault: None,
            looks: 0,
            projection,
            id,
        };
        session.take_epoch().await?;
        session.check_kinds().await?;
        Ok(session)
    }

    /// Takes the lane, if its generation may be written where this session would write it.
    async fn take_epoch(&mut self) -> Result<(), Error> {
        let generation = keys::generation(&self.id.projection, self.id.generation);
        let lanes = keys::lanes(&self.id.projection, self.id.generation);
        loop {
            let mut look = redis::pipe();
            look.cmd("WATCH").arg(&generation);
            look.cmd("HMGET").arg(&generation).arg(keys::PREFIX).arg(keys::ORDERING).arg(keys::BEGUN);
            let mut replies = self.send(&look).await?;
            let place = self.answer(replies.pop())?;
            // Without its watch nothing would fence.
            self.answer(replies.pop())?;
            self.check_place(place)?;

            let mut take = redis::pipe();
            take.cmd("MULTI");
            take.cmd("SADD").arg(&lanes).arg(self.id.share.to_string());
            take.cmd("HINCRBY").arg(&self.key).arg(keys::EPOCH).arg(1);
            take.cmd("HSET").arg(&self.key).arg(keys::OWNER).arg(&self.expected.owner);
            take.cmd("EXEC");
            watch(&mut take, &self.key);
            let mut replies = self.send(&take).await?;
            let (found, watched) = (replies.pop(), replies.pop());
            match replies.pop() {
                // The generation was moved in between: look again where it is.
                Some(Value::Nil) => {}
                Some(taken @ Value::Array(_)) => {
                    let found = self.parse(found)?;
                    self.answer(watched)?;
                    self.answer(Some(taken))?;
                    return self.accept(found);
                }
                refused => {
                    replies.extend(refused);
                    return Err(self.not_taken(replies, &Touched::default()));
                }
            }
        }
    }

    fn accept(&mut self, found: LaneHash) -> Result<(), Error> {
        if found.owner.is_empty() {
            return Err(Error::Rewound { lane: self.id.clone() });
        }
        if found.owner != self.expected.owner {
            let ours = found.epoch.saturating_sub(1);
            return Err(Error::Fenced { lane: self.id.clone(), ours, theirs: found.epoch });
        }
        if let Some(reason) = found.broken {
            return Err(self.refused(reason, "rebuild the projection: its views can't be trusted"));
        }
        self.expected = found;
        Ok(())
    }

    /// Checks where the generation's lanes may write. Another may have its number by now, after a loss or an undeployment;
    /// then the module is perhaps another as well. If its lanes were cut in another way before, new lanes would begin at
    /// offset zero over views that have those events.
    fn check_place(&self, place: Value) -> Result<(), Error> {
        let ordering = match self.projection.ordering {
            Ordering::Partition => "partition",
            Ordering::Global => "global",
        };
        let place: [Option<String>; 3] = redis::from_redis_value(place).map_err(|e| self.redis.unavailable(e))?;
        let [prefix, found, begun] = place;
        // Earlier versions did not write down when it was begun.
        let is_ours = prefix.is_some_and(|prefix| *prefix == *self.projection.prefix)
            && begun.is_none_or(|begun| begun == self.projection.begun.to_string());
        match found {
            Some(found) if is_ours && found == ordering => Ok(()),
            Some(found) if is_ours => Err(self.refused(
                format!("its views were built with the ordering `{found}`, and the plugin now says `{ordering}`"),
                "rebuild the projection",
            )),
            _ => Err(Error::Moved { lane: self.id.clone() }),
        }
    }

    /// Refuses to run where a view's key holds something else: a transaction does not stop at the first error, so a
    /// write that fails for its type would leave a commit half done.
    async fn check_kinds(&mut self) -> Result<(), Error> {
        let projection = self.projection.clone();
        let views: Vec<_> = (0u32..).zip(projection.views.iter()).filter(|(_, v)| !v.keyed).collect();
        let keys: Vec<_> = views.iter().map(|(index, _)| projection.key(*index, b"")).collect();
        let mut pipeline = redis::pipe();
        keys.iter().for_each(|key| _ = pipeline.cmd("TYPE").arg(key));
        let replies = self.send(&pipeline).await?;
        for (((_, view), key), reply) in views.iter().zip(&keys).zip(replies) {
            let reply = reply.extract_error().map_err(|e| self.redis.unavailable(of_key(e, Some(key))))?;
            let found: String = redis::from_redis_value(reply).map_err(|e| self.redis.unavailable(e))?;
            let wanted = match view.kind {
                Kind::Table | Kind::Counters => "hash",
                Kind::Ranking => "zset",
                Kind::Set => "set",
                Kind::List => "list",
                Kind::Value => "string",
            };
            if found != "none" && found != wanted {
                let key = String::from_utf8_lossy(key);
                let reason =
                    format!("key `{key}` holds a {found}, but view `{}` is {view}, a {wanted}", view.name);
                return Err(
                    self.refused(reason, "remove or rename that key, or give the projection another prefix")
                );
            }
        }
        Ok(())
    }

    async fn send(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, Error> {
        // The client takes nothing to send for an error.
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self.connection.send_packed_commands(pipeline, 0, pipeline.len()).await;
        replies.map_err(|e| self.redis.unavailable(e))
    }

    /// A reply, if it is no error.
    fn answer(&self, reply: Option<Value>) -> Result<Value, Error> {
        reply.unwrap_or(Value::Nil).extract_error().map_err(|e| self.redis.unavailable(e))
    }

    fn parse(&self, reply: Option<Value>) -> Result<LaneHash, Error> {
        let foreign = || {
            let reason = format!("key `{}` is not in Lantern's format", self.key);
            self.refused(
                reason,
                "it was changed by hand or by a newer version; to replay from the start, remove the projection's views and all its keys under lantern:",
            )
        };
        match reply.unwrap_or(Value::Nil).extract_error() {
            Ok(reply) => LaneHash::parse(reply).ok_or_else(foreign),
            Err(error) if is_wrong_type(&error) => Err(foreign()),
            Err(error) => Err(self.redis.unavailable(error)),
        }
    }

    /// What is wrong with the lane's hash as found, if anything is.
    fn compare(&self, found: &LaneHash) -> Option<Error> {
        let lane = self.id.clone();
        let ours = self.expected.epoch;
        if *found == self.expected {
            None
        } else if found.epoch > ours || (found.epoch == ours && found.owner != self.expected.owner) {
            Some(Error::Fenced { lane, ours, theirs: found.epoch })
        } else if found.letter_changes > self.expected.letter_changes
            && *found == (LaneHash { letter_changes: found.letter_changes, ..self.expected.clone() })
        {
            Some(Error::Settled { lane })
        } else {
            Some(Error::Rewound { lane })
        }
    }

    fn unread(&self, failure: letters::Failure) -> Error {
        match failure {
            letters::Failure::Redis(error) => self.redis.unavailable(error),
            letters::Failure::Format(reason) => {
                self.refused(reason, "it was changed by hand or by a newer version of lantern; use that version")
            }
        }
    }

    fn refused(&self, reason: impl Into<String>, hint: &'static str) -> Error {
        Error::Refused { lane: self.id.clone(), reason: reason.into(), hint }
    }

    fn target(&self) -> Target<'_> {
        Target {
            projection: &self.projection,
            id: &self.id,
            lane: &self.key,
            dead: &self.dead,
            retry: &self.retry,
            letter_changes: self.expected.letter_changes,
        }
    }

    /// The server has not taken the transaction. Of its replies, one for each command, the first error says why.
    fn not_taken(&self, replies: Vec<Value>, touched: &Touched) -> Error {
        let errors =
            replies.into_iter().enumerate().filter_map(|(i, reply)| Some((i, reply.extract_error().err()?)));
        match errors.into_iter().next() {
            Some((index, error)) => {
                // Before the commands that touch keys goes the one that begins the transaction.
                let key = index.checked_sub(1).and_then(|index| touched.get(index));
                self.redis.unavailable(of_key(error, key))
            }
            None => self.redis.unavailable("an unexpected reply to a transaction"),
        }
    }

    /// Some commands of a transaction failed and others did not: the views are not what the checkpoint says. Leaves
    /// that in the lane's hash, so that no later start goes on as if nothing had happened.
    async fn broken(&mut self, key: Option<&Vec<u8>>, error: &str) -> Error {
        let key = key.map(|k| String::from_utf8_lossy(k).into_owned()).unwrap_or_default();
        let reason = format!("a commit was applied only in part, because of key `{key}`: {error}");
        let mark = cmd("HSET").arg(&self.key).arg(keys::BROKEN).arg(&reason).to_owned();
        if let Err(error) = self.connection.send_packed_command(&mark).await {
            tracing::error!(lane = %self.id, %error, "could not note that the lane is broken");
        }
        self.refused(reason, "mend that key and rebuild the projection")
    }
}

impl Session for RedisSession {
    type Cells = RedisCells;

    fn checkpoint(&self) -> &Checkpoint {
        &self.expected.checkpoint
    }

    async fn set_aside(&mut self) -> Result<SetAside, Error> {
        let changes = self.expected.letter_changes;
        let read = letters::set_aside(&mut self.connection, &self.dead, &self.retry, changes).await;
        read.map_err(|failure| self.unread(failure))
    }

    async fn letters(&mut self, numbers: &[u64]) -> Result<Vec<(u64, Letter)>, Error> {
        let read = letters::read(&mut self.connection, &self.dead, numbers).await;
        read.map_err(|failure| self.unread(failure))
    }

    async fn commit(&mut self, commit: Commit) -> Result<(), Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let (pipeline, touched) = self.target().transaction(&commit);
        let mut replies = self.send(&pipeline).await?;
        let found = replies.pop();
        let watched = self.answer(replies.pop());
        match replies.pop() {
            Some(Value::Array(results)) => {
                let failed = results.iter().enumerate().find_map(|(i, result)| match result {
                    Value::ServerError(error) => Some((i, error.to_string())),
                    _ => None,
                });
                if let Some((index, error)) = failed {
                    return Err(self.broken(touched.get(index), &error).await);
                }
                if let Some(index) = results.iter().position(is_too_large) {
                    let key = touched.get(index).map(|key| String::from_utf8_lossy(key)).unwrap_or_default();
                    let reason = format!("a counter in key `{key}` has come close to the end of 64 bits");
                    return Err(self.refused(reason, "count in larger units, and rebuild the projection"));
                }
                self.expected.checkpoint.extend(commit.checkpoint);
                self.expected.letter_changes += u64::from(!commit.letters.is_empty());
                self.fault = match watched.and_then(|_| self.parse(found)) {
                    Ok(found) => self.compare(&found),
                    Err(error) => Some(error),
                };
                Ok(())
            }
            Some(Value::Nil) => {
                let found = self.parse(found)?;
                // The hash may look the same again: it was changed and changed back, or written with what it had.
                Err(self.compare(&found).unwrap_or(Error::Rewound { lane: self.id.clone() }))
            }
            refused => {
                replies.extend(refused);
                Err(self.not_taken(replies, &touched))
            }
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.looks = self.looks.wrapping_add(1);
        let question = cmd("HGETALL").arg(&self.key).to_owned();
        let by_all = match self.looks % OWN_LOOK {
            0 => None,
            _ => self.redis.looks.ask(&self.redis, &question).await,
        };
        let answer = match by_all {
            Some(answer) => answer,
            None => self.connection.send_packed_command(&question).await,
        };
        let found = answer.map_err(|e| self.redis.unavailable(e))?;
        let found = self.parse(Some(found))?;
        self.compare(&found).map_or(Ok(()), Err)
    }

    fn cells(&self) -> RedisCells {
        RedisCells {
            redis: self.redis.clone(),
            connection: self.connection.clone(),
            projection: self.projection.clone(),
            lane: self.id.clone(),
        }
    }
}

/// Whether a counter is so large that the next increments could overflow it.
fn is_too_large(result: &Value) -> bool {
    matches!(result, Value::Int(number) if number.unsigned_abs() > COUNTER_MAX)
}

/// A text that no other session has.
fn nonce() -> String {
    // The standard library seeds this from the operating system's random source.
    let random = RandomState::new().build_hasher().finish();
    format!("{}-{random:016x}", std::process::id())
}
