//! The store in Redis. Views are plain structures that any Redis client reads; a commit is one transaction that is
//! fenced by watching the lane's own key.
//!
//! Each session has a connection of its own, which never reconnects: a new connection would have lost the watch, and
//! with it the fence. All sessions together have one more, by which they look whether all is as it was.

pub(crate) mod benching;
mod cells;
mod commands;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod keys;
mod lane;
mod letters;
mod looks;
mod peek;
mod registry;
mod rights;
mod said;
mod session;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, IntoConnectionInfo};

use super::{Error, Store};
use crate::projection::{Projection, Share};
pub use cells::RedisCells;
use looks::Looks;
pub use registry::{HistoryLine, Record, RedisRegistry, ServerFacts, Settlement};
pub use rights::{Place, Role, rules};
use said::Said;
pub use session::RedisSession;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A server that does not answer for so long is taken for dead.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// A Redis server.
#[derive(Clone)]
pub struct Redis {
    client: redis::Client,
    /// Address and database, without password.
    what: Arc<str>,
    looks: Arc<Looks>,
}

impl Redis {
    /// The server at a URL as Redis clients write it, such as `redis://127.0.0.1:6379/0`. Does not connect yet.
    pub fn new(url: &str) -> Result<Self, BadUrl> {
        let info = url.into_connection_info().map_err(BadUrl)?;
        let what = format!("redis://{}/{}", info.addr(), info.redis_settings().db());
        // The client would tell its name with every connection, for which a user needs a right more.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = redis::Client::open(info.set_redis_settings(settings)).map_err(BadUrl)?;
        Ok(Self { client, what: what.into(), looks: Arc::default() })
    }

    /// The number of the database.
    pub fn database(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }

    async fn connect(&self) -> Result<MultiplexedConnection, Error> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        connection.map_err(|e| self.unavailable(e))
    }

    /// What a failed attempt comes to: the server is away, or there and unwilling.
    fn unavailable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let what = self.what.to_string();
        let said = match source.into().downcast::<redis::RedisError>() {
            Ok(error) => said::said(*error).map_err(Into::into),
            Err(other) => other.downcast::<Said>().map(|said| *said),
        };
        match said {
            Ok(said) => Error::Unwilling { what, why: said.unwilling(), source: said.into() },
            Err(source) => Error::Unavailable { what, source },
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({})", self.what)
    }
}

impl Store for Redis {
    type Session = RedisSession;

    async fn open(&self, projection: &Projection, share: Share) -> Result<RedisSession, Error> {
        RedisSession::open(self.clone(), projection.clone(), share).await
    }
}

/// A URL that names no Redis server.
#[derive(Debug, thiserror::Error)]
#[error("not a Redis URL")]
pub struct BadUrl(#[source] redis::RedisError);
