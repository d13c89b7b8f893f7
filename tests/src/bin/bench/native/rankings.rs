//! Members with a score by key, in Redis a sorted set for each key.

use std::collections::{BTreeMap, HashMap};

use redis::cmd;

use super::cells::Cells;
use super::commands::Commands;
use super::origin::Origin;

/// The rankings.
pub struct Rankings {
    /// What all their keys begin with.
    prefix: String,
    by_key: BTreeMap<String, Cells<Score>>,
    keeps_all: bool,
}

/// What is known of a score.
#[derive(Clone, Copy)]
enum Score {
    /// It is this.
    Is(i64),
    /// So much is to be added to it.
    Added(i64),
}

impl Rankings {
    /// The sorted sets under the keys that begin so.
    pub fn open(prefix: String, origin: &Origin) -> anyhow::Result<Rankings> {
        let keys: Vec<String> = origin.load(cmd("KEYS").arg(format!("{prefix}*")))?;
        let mut by_key = BTreeMap::new();
        for key in keys {
            let stored: HashMap<String, i64> =
                origin.load(cmd("ZRANGE").arg(&key).arg(0).arg(-1).arg("WITHSCORES"))?;
            let mut scores = Cells::default();
            stored.into_iter().for_each(|(member, score)| scores.restore(&member, Some(Score::Is(score))));
            by_key.insert(key[prefix.len()..].to_owned(), scores);
        }
        Ok(Rankings { prefix, by_key, keeps_all: origin.keeps_all() })
    }

    /// Adds to the score of a member.
    pub fn add(&mut self, key: &str, member: &str, delta: i64) {
        let new = if self.keeps_all { Score::Is(0) } else { Score::Added(0) };
        let score = self.key(key).change(member).get_or_insert(new);
        match score {
            Score::Is(sum) | Score::Added(sum) => *sum += delta,
        }
    }

    /// Gives a member a score, or removes it.
    pub fn set(&mut self, key: &str, member: &str, score: Option<i64>) {
        *self.key(key).change(member) = score.map(Score::Is);
    }

    /// Appends what writes the changes.
    pub fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        for (key, scores) in &mut self.by_key {
            let key = format!("{}{key}", self.prefix);
            take_one(&key, scores, commands)?;
            scores.settle();
        }
        if !self.keeps_all {
            self.by_key.clear();
        }
        Ok(())
    }

    fn key(&mut self, key: &str) -> &mut Cells<Score> {
        if !self.by_key.contains_key(key) {
            self.by_key.insert(key.to_owned(), Cells::default());
        }
        self.by_key.get_mut(key).expect("it was inserted")
    }
}

fn take_one(key: &str, scores: &Cells<Score>, commands: &mut Commands) -> anyhow::Result<()> {
    commands.add("ZADD", key, |set| {
        for (member, score) in scores.changed() {
            if let Some(Score::Is(score)) = score {
                set.text(score)?;
                set.word(member);
            }
        }
        Ok(())
    })?;
    for (member, score) in scores.changed() {
        if let Some(Score::Added(delta)) = score {
            commands.add("ZINCRBY", key, |increase| {
                increase.text(delta)?;
                increase.word(member);
                Ok(())
            })?;
        }
    }
    commands.add("ZREM", key, |remove| {
        scores.changed().filter(|(_, score)| score.is_none()).for_each(|(member, _)| remove.word(member));
        Ok(())
    })
}
