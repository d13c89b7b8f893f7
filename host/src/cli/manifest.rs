//! The manifest that `lantern apply` reads: which projections there are to be, kept in a file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::UserError;
use super::deploy::MAX_PARKED_MOST;
use super::deploy::setting_fault;
use super::limit;
use super::prepare::{Request, Setting, Topics};
use crate::control::{Beginning, KEEP_OLD_SECONDS, MAX_PARKED, OnError, Rebuild};
use crate::limits;
use crate::projection::name_fault;

/// All that is to be deployed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    #[serde(default)]
    projections: BTreeMap<Name, Entry>,
}

/// One projection. What is not said is as at a first deployment, not as it was before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// Relative to the manifest.
    module: PathBuf,
    topics: Option<Vec<String>>,
    prefix: Option<String>,
    #[serde(default)]
    from: Beginning,
    #[serde(default)]
    on_error: OnError,
    #[serde(default)]
    max_parked: MaxParked,
    #[serde(default)]
    keep_old: KeepOld,
    #[serde(default)]
    config: BTreeMap<Key, Value>,
    #[serde(default)]
    limits: LimitSettings,
}

/// What the command line says for all projections of a manifest.
#[derive(Clone, Debug, Default)]
pub(super) struct ForAll {
    pub(super) allow_loss: bool,
    pub(super) from_earliest: bool,
    pub(super) rebuild: Rebuild,
}

impl Manifest {
    /// Reads a manifest. An error names its file and line.
    pub(super) fn read(file: &Path) -> Result<Self, UserError> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let hint = "name the manifest: lantern apply FILE";
            UserError::failure(format!("cannot read {}: {error}", file.display()), hint)
        })?;
        Self::parse(&text).map_err(|(line, fault)| {
            let hint =
                "a projection is written [projections.NAME] with module = \"FILE.wasm\"; see lantern apply --help";
            UserError::usage(format!("{}:{line}: {fault}", file.display()), hint)
        })
    }

    /// Gives the line and what is wrong there.
    pub(super) fn parse(text: &str) -> Result<Self, (usize, String)> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            (before.matches('\n').count() + 1, error.message().replace('\n', "; "))
        })
    }

    /// What is to be deployed, by name. The manifest stands in `dir`.
    pub(super) fn requests(&self, dir: &Path, for_all: &ForAll) -> BTreeMap<String, Request> {
        let request = |(Name(name), entry): (&Name, &Entry)| {
            let config = entry.config.iter().map(|(Key(key), Value(value))| (key.clone(), value.clone()));
            let request = Request {
                name: Some(name.clone()),
                file: dir.join(&entry.module),
                topics: entry.topics.clone().map_or(Topics::Declared, Topics::These),
                prefix: Some(entry.prefix.clone().unwrap_or_else(|| format!("{name}:"))),
                from: entry.from,
                on_error: Some(entry.on_error),
                max_parked: Some(entry.max_parked.0),
                config: Setting::All(config.collect()),
                limits: Setting::All(entry.limits.0.clone()),
                keep_old_seconds: Some(entry.keep_old.0),
                allow_loss: for_all.allow_loss,
                from_earliest: for_all.from_earliest,
                anew: false,
                rebuild: for_all.rebuild.clone(),
            };
            (name.clone(), request)
        };
        self.projections.iter().map(request).collect()
    }
}

/// The name of a projection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name_fault(&name).map_or(Ok(()), |fault| Err(format!("the name `{name}` {fault}")))?;
        Ok(Self(name))
    }
}

/// The key of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Key(String);

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        setting_fault(&key, "").map_or(Ok(Self(key)), Err)
    }
}

/// What the plugin may use; written as `{ memory = "64MiB", event-ops = 1000 }`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
struct LimitSettings(limits::Settings);

impl TryFrom<BTreeMap<String, Value>> for LimitSettings {
    type Error = String;

    fn try_from(values: BTreeMap<String, Value>) -> Result<Self, String> {
        let read = |(name, Value(text)): (String, Value)| limit::value(&name, &text).map(|value| (name, value));
        values.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// How long an old generation is kept, in seconds; written as `24h`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct KeepOld(u64);

impl Default for KeepOld {
    fn default() -> Self {
        Self(KEEP_OLD_SECONDS)
    }
}

impl TryFrom<String> for KeepOld {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = humantime::parse_duration(&text);
        time.map(|time| Self(time.as_secs())).map_err(|error| format!("`{text}` is no time such as 24h: {error}"))
    }
}

/// How many events a lane may set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
struct MaxParked(u64);

impl Default for MaxParked {
    fn default() -> Self {
        Self(MAX_PARKED)
    }
}

impl TryFrom<u64> for MaxParked {
    type Error = String;

    fn try_from(most: u64) -> Result<Self, String> {
        let is_allowed = (1..=MAX_PARKED_MOST).contains(&most);
        if is_allowed { Ok(Self(most)) } else { Err(format!("{most} is not in 1 to {MAX_PARKED_MOST}")) }
    }
}

/// A value of a configuration: plugins are given text, whichever way it is written.
#[derive(Clone, Debug, PartialEq)]
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a boolean")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        setting_fault("value", text).map_or(Ok(()), |fault| Err(E::custom(fault)))?;
        Ok(Value(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value(number.to_string()))
    }

    fn visit_bool<E: de::Error>(self, boolean: bool) -> Result<Value, E> {
        Ok(Value(boolean.to_string()))
    }
}

#[cfg(test)]
mod tests;
