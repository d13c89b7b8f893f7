//! The records of the control plane in Redis.

mod change;
mod chunk;
mod compare;
mod hosts;
mod letters;
mod listen;
mod operator;
mod records;
mod rights;
mod sweep;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Pipeline, cmd};
use tokio::sync::watch;

use super::Redis;
use crate::control::{
    Change, Deployment, Error, FaultAt, HostReport, Installation, Outcome, Recorded, Registry, Snapshot,
};
use crate::store::{self, Checkpoint};
pub use letters::Settlement;
pub use operator::{HistoryLine, ServerFacts};
pub use views::Record;

/// Where a Redis keeps the records.
#[derive(Clone)]
pub struct RedisRegistry {
    redis: Redis,
    /// Made when it is needed, and anew when it has failed.
    connection: Arc<Mutex<Option<MultiplexedConnection>>>,
    /// The records as they were last read: what reads the same is not read into parts again.
    last: Arc<Mutex<BTreeMap<String, Arc<Recorded>>>>,
    /// Structures of keyed views that one change may move.
    keyed_max: u64,
}

impl RedisRegistry {
    /// The records in this Redis. Does not connect yet.
    pub fn new(redis: Redis) -> Self {
        Self { redis, connection: Arc::default(), last: Arc::default(), keyed_max: change::KEYED_MAX }
    }

    /// The Redis that has them.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Error> {
        let held = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = held {
            return Ok(connection);
        }
        let made = self.own_connection().await?;
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }

    /// A connection that nobody else uses.
    async fn own_connection(&self) -> Result<MultiplexedConnection, Error> {
        self.redis.connect().await.map_err(|e| self.as_ours(e))
    }

    /// What a failed attempt comes to. Notes that the connection is of no use any more.
    fn unavailable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.as_ours(self.redis.unavailable(source))
    }

    fn as_ours(&self, error: store::Error) -> Error {
        match error {
            store::Error::Unavailable { what, source } => Error::Unavailable { what, source },
            store::Error::Unwilling { what, why, source } => Error::Unwilling { what, why, source },
            other => Error::Unavailable { what: self.redis.what.to_string(), source: other.into() },
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Error> {
        let mut connection = self.connection().await?;
        command.query_async(&mut connection).await.map_err(|e| self.unavailable(e))
    }

    /// Runs a script whose one argument is a JSON object. A server that does not have it, or not any more, is sent the
    /// whole of it.
    async fn run<T: FromRedisValue>(&self, script: &str, argument: &serde_json::Value) -> Result<T, Error> {
        let mut connection = self.connection().await?;
        let argument = argument.to_string();
        let (short, long) = (redis::Script::new(script), script);
        let by = |command: &str, script: &str| cmd(command).arg(script).arg(0).arg(&argument).to_owned();
        let mut ran = by("EVALSHA", short.get_hash()).query_async(&mut connection).await;
        if ran.as_ref().is_err_and(|error: &redis::RedisError| error.code() == Some("NOSCRIPT")) {
            ran = by("EVAL", long).query_async(&mut connection).await;
        }
        ran.map_err(|e| self.unavailable(e))
    }

    async fn ask_all<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<Vec<T>, Error> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection().await?;
        pipeline.query_async(&mut connection).await.map_err(|e| self.unavailable(e))
    }
}

impl Registry for RedisRegistry {
    async fn load(&self) -> Result<Snapshot, Error> {
        self.read_records().await
    }

    async fn change(&self, change: &Change) -> Result<Outcome, Error> {
        self.make(change).await
    }

    async fn listen(&self, told: watch::Sender<u64>) {
        self.hear(&told).await;
    }

    async fn module(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read_module(digest).await
    }

    async fn keep_module(&self, digest: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write_module(digest, bytes).await
    }

    async fn drop_modules(&self) -> Result<u64, Error> {
        self.sweep_modules().await
    }

    async fn lanes(&self, projection: &str, generation: u64) -> Result<BTreeMap<String, Checkpoint>, Error> {
        self.read_lanes(projection, generation).await
    }

    async fn note_fault(&self, at: &FaultAt, fault: Option<&str>) -> Result<(), Error> {
        self.write_fault(at, fault).await
    }

    async fn sweep(&self, recorded: &Recorded, generation: u64) -> Result<bool, Error> {
        self.sweep_views(recorded, generation).await
    }

    async fn move_some(&self, recorded: &Recorded) -> Result<Option<u64>, Error> {
        self.move_chunk(recorded).await
    }

    async fn compare(&self, deployment: &Deployment, generations: (u64, u64)) -> Result<Option<String>, Error> {
        self.compare_views(deployment, generations).await
    }

    async fn hosts(&self) -> Result<Vec<HostReport>, Error> {
        self.read_hosts().await
    }

    async fn beat(&self, report: &HostReport) -> Result<(), Error> {
        self.write_host(report).await
    }

    async fn leave(&self, host: &str) -> Result<(), Error> {
        self.remove_host(host).await
    }

    async fn found(&self, installation: &Installation) -> Result<Installation, Error> {
        self.write_installation(installation).await
    }
}
