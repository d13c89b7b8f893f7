//! Reads views as any client does, for showing them.

use std::collections::BTreeMap;

use redis::{cmd, pipe};

use super::RedisRegistry;
use crate::control::Error;
use crate::projection::Kind;
use crate::store::redis::keys;

/// Elements that one step of a scan is to look at: at least, and at most, for Redis answers nobody else meanwhile.
const SCAN: (usize, usize) = (100, 1000);

/// One record of a view. A member of a set has no value, and an entry of a list or a string no name.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its field or member.
    pub name: Option<String>,
    /// Its document, number or score.
    pub value: Option<String>,
}

impl RedisRegistry {
    /// How many records a structure has.
    pub async fn count(&self, kind: Kind, key: &str) -> Result<u64, Error> {
        let name = match kind {
            Kind::Table | Kind::Counters => "HLEN",
            Kind::Ranking => "ZCARD",
            Kind::Set => "SCARD",
            Kind::List => "LLEN",
            Kind::Value => "EXISTS",
        };
        self.ask(cmd(name).arg(key)).await
    }

    /// How many structures a keyed view has, some that have expired included.
    pub async fn count_keys(&self, projection: &str, generation: u64, view: &str) -> Result<u64, Error> {
        self.ask(cmd("SCARD").arg(keys::view_keys(projection, generation, view))).await
    }

    /// Some keys of a keyed view whose structures, with names that begin with `prefix`, are there.
    pub async fn some_keys(
        &self,
        (projection, generation, view): (&str, u64, &str),
        prefix: &str,
        count: usize,
    ) -> Result<Vec<String>, Error> {
        let index = keys::view_keys(projection, generation, view);
        let (mut found, mut cursor) = (BTreeMap::new(), 0);
        loop {
            let (next, some): (u64, Vec<Vec<u8>>) = self
                .ask(cmd("SSCAN").arg(&index).arg(cursor).arg("COUNT").arg(count.clamp(SCAN.0, SCAN.1)))
                .await?;
            let mut pipeline = pipe();
            some.iter().for_each(|key| _ = pipeline.cmd("EXISTS").arg([prefix.as_bytes(), key].concat()));
            let exist: Vec<bool> = self.ask_all(&pipeline).await?;
            let there = some.iter().zip(exist).filter(|(_, exists)| *exists);
            found.extend(there.map(|(key, _)| (text(key), ())));
            cursor = next;
            if cursor == 0 || found.len() >= count {
                return Ok(found.into_keys().take(count).collect());
            }
        }
    }

    /// The first records of a structure: of a ranking the highest, of a list the newest, of a hash or set any.
    pub async fn first(&self, kind: Kind, key: &str, count: usize) -> Result<Vec<Record>, Error> {
        let last = count.saturating_sub(1);
        match kind {
            Kind::Table | Kind::Counters | Kind::Set => self.scan(kind, key, count).await,
            Kind::Ranking => {
                let command = cmd("ZREVRANGE").arg(key).arg(0).arg(last).arg("WITHSCORES").to_owned();
                let flat: Vec<Vec<u8>> = self.ask(&command).await?;
                Ok(flat.chunks_exact(2).map(|pair| Record::named(&pair[0], Some(&pair[1]))).collect())
            }
            Kind::List => {
                let entries: Vec<Vec<u8>> = self.ask(cmd("LRANGE").arg(key).arg(0).arg(last)).await?;
                Ok(entries.iter().map(|entry| Record { name: None, value: Some(text(entry)) }).collect())
            }
            Kind::Value => {
                let value: Option<Vec<u8>> = self.ask(cmd("GET").arg(key)).await?;
                Ok(value.iter().map(|value| Record { name: None, value: Some(text(value)) }).collect())
            }
        }
    }

    async fn scan(&self, kind: Kind, key: &str, count: usize) -> Result<Vec<Record>, Error> {
        let name = if kind == Kind::Set { "SSCAN" } else { "HSCAN" };
        // A scan may give an element twice.
        let (mut found, mut cursor) = (BTreeMap::new(), 0);
        loop {
            let (next, flat): (u64, Vec<Vec<u8>>) =
                self.ask(cmd(name).arg(key).arg(cursor).arg("COUNT").arg(count.clamp(SCAN.0, SCAN.1))).await?;
            match kind {
                Kind::Set => found.extend(flat.into_iter().map(|member| (member, None))),
                _ => found.extend(flat.chunks_exact(2).map(|pair| (pair[0].clone(), Some(pair[1].clone())))),
            }
            cursor = next;
            if cursor == 0 || found.len() >= count {
                let found = found.iter().take(count);
                return Ok(found.map(|(name, value)| Record::named(name, value.as_deref())).collect());
            }
        }
    }

    /// The records of these names, where they are there. Lists have none.
    pub async fn named(&self, kind: Kind, key: &str, names: &[String]) -> Result<Vec<Option<Record>>, Error> {
        let command = match kind {
            Kind::Table | Kind::Counters => "HMGET",
            Kind::Ranking => "ZMSCORE",
            Kind::Set => "SMISMEMBER",
            Kind::List | Kind::Value => return Ok(vec![None; names.len()]),
        };
        let mut command = cmd(command);
        command.arg(key).arg(names);
        let named = |name: &String, value| Record { name: Some(name.clone()), value };
        if kind == Kind::Set {
            let there: Vec<bool> = self.ask(&command).await?;
            return Ok(names.iter().zip(there).map(|(name, there)| there.then(|| named(name, None))).collect());
        }
        let values: Vec<Option<Vec<u8>>> = self.ask(&command).await?;
        let values = values.into_iter().map(|value| value.as_deref().map(text));
        Ok(names.iter().zip(values).map(|(name, value)| Some(named(name, Some(value?)))).collect())
    }
}

impl Record {
    fn named(name: &[u8], value: Option<&[u8]>) -> Self {
        Self { name: Some(text(name)), value: value.map(text) }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
