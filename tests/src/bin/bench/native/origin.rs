//! Where a job's views are when it begins, and whether it keeps them in memory.

use std::sync::{Arc, Mutex, PoisonError};

use redis::{Cmd, Connection, FromRedisValue};

/// Where the views are.
#[derive(Clone)]
pub enum Origin {
    /// Nowhere yet: the job begins with none and keeps all.
    Nowhere,
    /// In Redis: the job loads all of them when it begins, and keeps them.
    Loaded(Arc<Mutex<Connection>>),
    /// In Redis: the job keeps nothing from event to event, and asks for what it needs each time.
    Asked(Arc<Mutex<Connection>>),
}

impl Origin {
    /// Whether what is not in memory is nowhere else.
    pub fn keeps_all(&self) -> bool {
        !matches!(self, Origin::Asked(_))
    }

    /// The answer of a command that loads everything; nothing if there is nothing to load.
    pub fn load<T: FromRedisValue + Default>(&self, command: &Cmd) -> anyhow::Result<T> {
        match self {
            Origin::Loaded(redis) => query(redis, command),
            Origin::Nowhere | Origin::Asked(_) => Ok(T::default()),
        }
    }

    /// The answer of a command that asks for what one event needs; nothing if all is in memory.
    pub fn ask<T: FromRedisValue + Default>(&self, command: &Cmd) -> anyhow::Result<T> {
        match self {
            Origin::Asked(redis) => query(redis, command),
            Origin::Nowhere | Origin::Loaded(_) => Ok(T::default()),
        }
    }
}

fn query<T: FromRedisValue>(redis: &Mutex<Connection>, command: &Cmd) -> anyhow::Result<T> {
    let mut redis = redis.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(command.query(&mut *redis)?)
}
