//! How lanes without commits look after what they have written: by one connection for all of a host, so that what is asked at
//! the same moment is one write and one read for both sides. What is fenced goes by a session's own connection.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value};
use tokio::sync::Mutex;

use super::Redis;

/// The connection of all, once somebody has asked.
#[derive(Default)]
pub(super) struct Looks(Mutex<Option<MultiplexedConnection>>);

impl Looks {
    /// The reply to a question. None if it is to be asked by another connection: this one is lost, or only being made.
    pub(super) async fn ask(&self, redis: &Redis, question: &Cmd) -> Option<RedisResult<Value>> {
        let mut connection = self.connection(redis).await?;
        match connection.send_packed_command(question).await {
            Err(error) if !error.is_timeout() => {
                *self.0.lock().await = None;
                None
            }
            answer => Some(answer),
        }
    }

    async fn connection(&self, redis: &Redis) -> Option<MultiplexedConnection> {
        let mut connection = self.0.try_lock().ok()?;
        if connection.is_none() {
            *connection = Some(redis.connect().await.ok()?);
        }
        connection.clone()
    }
}
