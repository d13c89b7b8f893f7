//! Whole numbers by field, in Redis a hash.

use std::collections::HashMap;

use redis::cmd;

use super::cells::Cells;
use super::commands::Commands;
use super::origin::Origin;

/// The numbers. Who keeps them all in memory writes them as they are, many in one command; who does not lets Redis add.
pub struct Counters {
    key: String,
    /// The numbers, or what is to be added to them.
    numbers: Cells<i64>,
    keeps_all: bool,
}

impl Counters {
    /// The numbers of the hash under this key.
    pub fn open(key: String, origin: &Origin) -> anyhow::Result<Counters> {
        let stored: HashMap<String, i64> = origin.load(cmd("HGETALL").arg(&key))?;
        let mut numbers = Cells::default();
        stored.into_iter().for_each(|(field, number)| numbers.restore(&field, Some(number)));
        Ok(Counters { key, numbers, keeps_all: origin.keeps_all() })
    }

    /// Adds to a number.
    pub fn add(&mut self, field: &str, delta: i64) {
        *self.numbers.change(field).get_or_insert_default() += delta;
    }

    /// Appends what writes the changes.
    pub fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        let changed = self.numbers.changed().filter_map(|(field, number)| Some((field, number?)));
        if self.keeps_all {
            commands.add("HSET", &self.key, |set| {
                changed.into_iter().try_for_each(|(field, number)| {
                    set.word(field);
                    set.text(number)
                })
            })?;
            self.numbers.settle();
            return Ok(());
        }
        for (field, delta) in changed {
            commands.add("HINCRBY", &self.key, |increase| {
                increase.word(field);
                increase.text(delta)
            })?;
        }
        self.numbers.forget();
        Ok(())
    }
}
