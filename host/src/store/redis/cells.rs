//! Reads cells for a plugin, on the connection of the lane's session: so the reads see the very server, in the very
//! state, that the next commit is fenced against.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError};

use super::Redis;
use super::said::{is_wrong_type, of_key};
use crate::op::{CellRef, Value};
use crate::projection::{Kind, LaneId, Projection};
use crate::store::{Cells, Error};

/// Reads cells in Redis.
#[derive(Clone)]
pub struct RedisCells {
    pub(super) redis: Redis,
    pub(super) connection: MultiplexedConnection,
    pub(super) projection: Projection,
    pub(super) lane: LaneId,
}

impl Cells for RedisCells {
    async fn read(&mut self, cells: &[CellRef<'_>]) -> Result<Vec<Option<Value>>, Error> {
        let runs: Vec<_> = cells.chunk_by(|a, b| (a.view, a.key) == (b.view, b.key)).collect();
        let mut pipeline = Pipeline::with_capacity(runs.len());
        for run in &runs {
            pipeline.add_command(self.command(run));
        }
        let replies = self.connection.send_packed_commands(&pipeline, 0, runs.len()).await;
        let replies = replies.map_err(|e| self.redis.unavailable(e))?;
        let mut values = Vec::with_capacity(cells.len());
        for (run, reply) in runs.iter().zip(replies) {
            let kind = self.projection.views[run[0].view as usize].kind;
            values.extend(parse(kind, reply).map_err(|e| self.failed(run, e))?);
        }
        Ok(values)
    }
}

impl RedisCells {
    /// What a failed read of one structure comes to.
    fn failed(&self, run: &[CellRef<'_>], error: RedisError) -> Error {
        let key = self.projection.key(run[0].view, run[0].key);
        if !is_wrong_type(&error) {
            return self.redis.unavailable(of_key(error, Some(&key)));
        }
        let view = &self.projection.views[run[0].view as usize];
        Error::Refused {
            lane: self.lane.clone(),
            reason: format!("key `{}` does not hold what view `{}` is", String::from_utf8_lossy(&key), view.name),
            hint: "remove or rename that key, then resume the projection; rebuild it if the key was its own",
        }
    }

    /// One command for cells of one structure.
    fn command(&self, run: &[CellRef<'_>]) -> Cmd {
        let name = match self.projection.views[run[0].view as usize].kind {
            Kind::Table | Kind::Counters => "HMGET",
            Kind::Ranking => "ZMSCORE",
            Kind::Set => "SMISMEMBER",
            Kind::List | Kind::Value => "MGET",
        };
        let key = self.projection.key(run[0].view, run[0].key);
        let members = run.iter().map(|cell| cell.member.len()).sum::<usize>();
        let mut command = Cmd::with_capacity(run.len() + 2, name.len() + key.len() + members);
        command.arg(name);
        if name == "MGET" {
            command.arg(vec![&key; run.len()]);
        } else {
            command.arg(key);
            for cell in run {
                command.arg(cell.member);
            }
        }
        command
    }
}

fn parse(kind: Kind, reply: redis::Value) -> Result<Vec<Option<Value>>, RedisError> {
    let reply = reply.extract_error()?;
    let values = match kind {
        Kind::Ranking => many(reply, |score: Option<f64>| score.map(Value::Score))?,
        Kind::Set => many(reply, |member: bool| member.then_some(Value::Member))?,
        Kind::Table | Kind::Counters | Kind::List | Kind::Value => {
            many(reply, |bytes: Option<Vec<u8>>| bytes.map(|b| Value::Bytes(b.into())))?
        }
    };
    Ok(values)
}

fn many<T: FromRedisValue>(
    reply: redis::Value,
    value: impl Fn(T) -> Option<Value>,
) -> Result<Vec<Option<Value>>, RedisError> {
    Ok(redis::from_redis_value::<Vec<T>>(reply)?.into_iter().map(value).collect())
}
