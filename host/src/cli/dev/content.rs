//! What the views of a projection hold, read where readers read them, as far as it can be shown.

use std::collections::BTreeMap;

use crate::cli::UserError;
use crate::cli::operate::Operator;
use crate::cli::view::Reader;
use crate::control::Deployment;
use crate::projection::{Kind, View};
use crate::store::redis::Record;

/// The most entries of a view that are read: more nobody would compare.
const ENTRIES_MAX: usize = 10_000;

/// The views of a projection: what each is called in Redis and what it is, and what it holds.
pub(super) type Content = BTreeMap<String, Entries>;

/// What a view holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entries {
    /// Each entry: its name, behind its key if the view is keyed, and its value.
    All(BTreeMap<String, String>),
    /// So many that they are not read.
    TooMany(u64),
}

/// Reads the views of the live generation.
pub(super) async fn read(operator: &Operator, deployment: &Deployment) -> Result<Content, UserError> {
    let mut content = Content::new();
    for view in deployment.live().iter().flat_map(|live| &live.views) {
        let reader = Reader { registry: &operator.registry, deployment, view };
        let title = format!("{} ({view})", reader.key(None));
        content.insert(title, entries(&reader, view).await?);
    }
    Ok(content)
}

async fn entries(reader: &Reader<'_>, view: &View) -> Result<Entries, UserError> {
    let count = reader.count().await?;
    if count > ENTRIES_MAX as u64 {
        return Ok(Entries::TooMany(count));
    }
    let mut all = BTreeMap::new();
    if !view.keyed {
        all.extend(named("", view, reader.records(None, &[], ENTRIES_MAX).await?.found));
        return Ok(Entries::All(all));
    }
    for key in reader.keys(ENTRIES_MAX).await? {
        let records = reader.records(Some(&key), &[], ENTRIES_MAX).await?;
        all.extend(named(&key, view, records.found));
        if all.len() > ENTRIES_MAX {
            return Ok(Entries::TooMany(count));
        }
    }
    Ok(Entries::All(all))
}

/// Names for all records. Those of a list are counted from the oldest, which keep theirs when others come.
fn named(key: &str, view: &View, records: Vec<Record>) -> impl Iterator<Item = (String, String)> {
    let (count, kind, key) = (records.len(), view.kind, key.to_owned());
    records.into_iter().enumerate().map(move |(index, record)| {
        let name = match kind {
            Kind::List => format!("{:>5}", count - index),
            _ => record.name.unwrap_or_default(),
        };
        let parts = [key.as_str(), name.as_str()];
        let name = Vec::from_iter(parts.into_iter().filter(|part| !part.is_empty())).join(" ");
        (name, record.value.unwrap_or_default())
    })
}
