//! How far a native consumer has come, where the benchmark looks for it, and the epoch that keeps a second one out.

use std::collections::{BTreeMap, HashMap};

use redis::{Commands as _, Connection};

use super::commands::Commands;

/// Whose progress it is.
pub struct Checkpoint {
    /// The hash `<topic>/<partition>` → next offset.
    pub key: String,
    /// Whoever writes must find the number here that it has set.
    pub epoch: String,
    topic: String,
}

/// By partition: the next offset.
pub type Offsets = BTreeMap<i32, i64>;

impl Checkpoint {
    /// That of a projection on a topic.
    pub fn of(projection: &str, topic: &str) -> Checkpoint {
        Checkpoint {
            key: format!("lantern:checkpoints:{projection}"),
            epoch: format!("native:epoch:{projection}"),
            topic: topic.to_owned(),
        }
    }

    /// The next offsets as they are stored.
    pub fn load(&self, redis: &mut Connection) -> anyhow::Result<Offsets> {
        let stored: HashMap<String, i64> = redis.hgetall(&self.key)?;
        let own = |(field, offset): (String, i64)| {
            let partition = field.strip_prefix(&self.topic)?.strip_prefix('/')?.parse().ok()?;
            Some((partition, offset))
        };
        Ok(stored.into_iter().filter_map(own).collect())
    }

    /// Appends what writes these offsets.
    pub fn write(&self, offsets: &Offsets, commands: &mut Commands) -> anyhow::Result<()> {
        commands.add("HSET", &self.key, |set| {
            offsets.iter().try_for_each(|(partition, next)| {
                set.text(format_args!("{}/{partition}", self.topic))?;
                set.text(next)
            })
        })
    }
}
