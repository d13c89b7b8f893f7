//! Reads the records of one view where its readers read them.

use crate::cli::UserError;
use crate::cli::operate::failure;
use crate::control::Deployment;
use crate::projection::{Kind, View};
use crate::store::redis::{Record, RedisRegistry};

/// Reads one view.
pub(in crate::cli) struct Reader<'a> {
    pub(in crate::cli) registry: &'a RedisRegistry,
    pub(in crate::cli) deployment: &'a Deployment,
    pub(in crate::cli) view: &'a View,
}

impl Reader<'_> {
    /// The Redis key of the view, or of one structure of it.
    pub(in crate::cli) fn key(&self, key: Option<&str>) -> String {
        let whole = format!("{}{}", self.deployment.prefix, self.view.name);
        match key {
            Some(key) => format!("{whole}:{key}"),
            None if self.view.keyed => format!("{whole}:<KEY>"),
            None => whole,
        }
    }

    fn index(&self) -> (&str, u64, &str) {
        (&self.deployment.name, self.deployment.live, &self.view.name)
    }

    /// How many records, or keys, the view has.
    pub(in crate::cli) async fn count(&self) -> Result<u64, UserError> {
        let (projection, generation, view) = self.index();
        let count = match self.view.keyed {
            true => self.registry.count_keys(projection, generation, view).await,
            false => self.registry.count(self.view.kind, &self.key(None)).await,
        };
        count.map_err(|e| failure(&e))
    }

    /// The first keys of a keyed view.
    pub(in crate::cli) async fn keys(&self, limit: usize) -> Result<Vec<String>, UserError> {
        let prefix = self.key(Some(""));
        self.registry.some_keys(self.index(), &prefix, limit).await.map_err(|e| failure(&e))
    }

    /// The records of these ids, or the first ones.
    pub(in crate::cli) async fn records(
        &self,
        key: Option<&str>,
        ids: &[String],
        limit: usize,
    ) -> Result<Records, UserError> {
        let (registry, kind, key) = (self.registry, self.view.kind, self.key(key));
        if ids.is_empty() {
            let count = registry.count(kind, &key).await.map_err(|e| failure(&e))?;
            let found = registry.first(kind, &key, limit).await.map_err(|e| failure(&e))?;
            return Ok(Records { found, count, missing: Vec::new() });
        }
        let found = match kind {
            Kind::Value => self.values(ids).await?,
            _ => registry.named(kind, &key, ids).await.map_err(|e| failure(&e))?,
        };
        let is_missing = |(_, record): &(&String, &Option<Record>)| record.is_none();
        let missing = ids.iter().zip(&found).filter(is_missing).map(|(id, _)| id.clone()).collect();
        Ok(Records { count: found.len() as u64, found: found.into_iter().flatten().collect(), missing })
    }

    /// The strings of a keyed view, with their keys as names.
    pub(in crate::cli) async fn values(&self, keys: &[String]) -> Result<Vec<Option<Record>>, UserError> {
        let mut values = Vec::new();
        for key in keys {
            let found =
                self.registry.first(Kind::Value, &self.key(Some(key)), 1).await.map_err(|e| failure(&e))?;
            let value = found.into_iter().next();
            values.push(value.map(|record| Record { name: Some(key.clone()), ..record }));
        }
        Ok(values)
    }
}

/// Some records of a view.
pub(in crate::cli) struct Records {
    pub(in crate::cli) found: Vec<Record>,
    /// How many there are in all.
    pub(in crate::cli) count: u64,
    /// Ids that were asked for and are not there.
    pub(in crate::cli) missing: Vec<String>,
}
