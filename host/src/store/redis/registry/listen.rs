//! Hears of changes by publish/subscribe. What is missed while Redis is away is found by whoever polls.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use tokio::sync::watch;

use super::RedisRegistry;
use crate::store::redis::{CONNECT_TIMEOUT, keys};

/// How long to wait before a lost subscription is made anew.
const AGAIN: Duration = Duration::from_millis(500);

impl RedisRegistry {
    pub(super) async fn hear(&self, told: &watch::Sender<u64>) {
        loop {
            if let Err(error) = self.subscription(told).await {
                tracing::debug!("no news of changes: {error}");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// A subscription to the changes, if it is had soon.
    pub(super) async fn subscribe(&self) -> redis::RedisResult<PubSub> {
        let subscribe = async {
            let mut subscription = self.redis.client.get_async_pubsub().await?;
            subscription.subscribe(keys::CHANGES).await?;
            Ok(subscription)
        };
        let too_late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
        tokio::time::timeout(CONNECT_TIMEOUT, subscribe).await.unwrap_or_else(too_late)
    }

    async fn subscription(&self, told: &watch::Sender<u64>) -> redis::RedisResult<()> {
        let mut subscription = self.subscribe().await?;
        // What was changed before the subscription stood was not heard.
        told.send_modify(|number| *number += 1);
        let mut messages = subscription.on_message();
        while messages.next().await.is_some() {
            told.send_modify(|number| *number += 1);
        }
        Ok(())
    }
}
