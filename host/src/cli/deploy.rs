//! `lantern deploy`: checks a plugin, says what deploying it comes to, and does it.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::closing::{only_a_plan, say, tell_next};
use super::connect::{Connection, block_on};
use super::how::How;
use super::prepare::{Prepared, Preparer, Request, Setting, Topics};
use super::run::Cache;
use super::sign::Trusting;
use super::{Printer, limit, plan, progress};
use crate::app::Workshop;
use crate::control::{Beginning, Kind, OnError};

/// The most that `--max-parked` takes: a lane reads all its letters when it starts.
pub(super) const MAX_PARKED_MOST: u64 = 1_000_000;
/// Longest key and value of a plugin's configuration, in bytes.
pub(super) const KEY_BYTES_MAX: usize = 256;
pub(super) const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Deploy a plugin: a new projection, another module for one that there is, or other settings
///
/// A plugin of the same revision takes its predecessor's place at the checkpoint. One of another revision, or other topics,
/// means a rebuild: a new generation is built from the first event while readers read the present one, and takes its place
/// in one step.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern deploy balances.wasm --plan
  lantern deploy balances.wasm --wait
  lantern deploy balances.wasm --name balances-eur --set currency=EUR
  lantern deploy balances.wasm --limit memory=64MiB --limit event-time=500ms
  lantern deploy balances.wasm --hold --verify")]
pub(crate) struct Args {
    /// Deploy this plugin
    file: PathBuf,

    /// Deploy it under this name [default: the one that it gives itself]
    #[arg(long)]
    name: Option<String>,

    /// Read this topic in place of the one that the plugin names; one for each, in that order
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,

    /// Put this before the names of the views in Redis, from the first deployment on [default: NAME:]
    #[arg(long)]
    prefix: Option<String>,

    /// Begin with the first event or with the next one, at the first deployment
    #[arg(long, value_name = "WHERE", default_value = "earliest", value_parser = beginning())]
    from: Beginning,

    /// What to do with an event that can't be applied: stop before it, skip it, or park it as a dead letter, with the later
    /// events of its key behind it [default: as before, at first stop]
    #[arg(long, value_name = "WHAT", value_parser = on_error())]
    on_error: Option<OnError>,

    /// Let each lane set aside so many events at most; before one more it stops [default: as before, at first 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_PARKED_MOST))]
    max_parked: Option<u64>,

    /// Set this for the plugin, or remove it if there is no VALUE; what is not named stays
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, Option<String>)>,

    /// Let the plugin use so much, such as memory=64MiB, or what is the default if there is no VALUE; repeat it for more.
    /// The limits are in docs/limits.md
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit::parse)]
    limits: Vec<(String, Option<u64>)>,

    /// Keep the old generation for `rollback` so long, such as 36h [default: as before, at first 24h]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    keep_old: Option<Duration>,

    /// Deploy it although views or topics are gone that the plugin had
    #[arg(long)]
    allow_loss: bool,

    /// Say what it comes to, and change nothing
    #[arg(long)]
    plan: bool,

    /// Show the progress until it is live, or held
    #[arg(long, conflicts_with = "plan")]
    wait: bool,

    #[command(flatten)]
    trusting: Trusting,

    #[command(flatten)]
    cache: Cache,

    #[command(flatten)]
    connection: Connection,

    // Last, for the heading is that of all that follows.
    #[command(flatten)]
    how: How,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let workshop = Workshop::new(args.cache.dir().as_deref())?.trusting(args.trusting.read()?);
    block_on(async {
        let operator = args.connection.operator();
        let source = args.connection.ask_source(&operator).await?;
        let preparer =
            Preparer { operator: &operator, workshop: &workshop, source: source.as_ref(), leaving: &[] };
        let request = args.request();
        let mut tell = |prepared: &Prepared| {
            say(&prepared.plan.after.name, plan::line(prepared), printer);
            if args.plan {
                plan::details(prepared).for_each(|change| printer.out(format_args!("  {change}")));
            }
            prepared.doubt.iter().for_each(|doubt| printer.note(format_args!("note: {doubt}")));
        };
        if args.plan {
            tell(&preparer.prepare(&request).await?);
            only_a_plan(printer);
            return Ok(());
        }
        let prepared = preparer.deploy(&request, tell).await?;
        let after = &prepared.plan.after;
        if after.to_be_swept().is_some() {
            // What was given up for it goes now.
            operator.sweep(&after.name).await?;
        }
        if args.wait {
            return progress::wait(&operator, source.as_ref(), after, printer).await;
        }
        if prepared.plan.kind != Kind::Nothing {
            tell_next(&operator, after, printer).await?;
        }
        Ok(())
    })
}

impl Args {
    fn request(&self) -> Request {
        Request {
            name: self.name.clone(),
            file: self.file.clone(),
            topics: if self.topics.is_empty() { Topics::AsBefore } else { Topics::These(self.topics.clone()) },
            prefix: self.prefix.clone(),
            from: self.from,
            on_error: self.on_error,
            max_parked: self.max_parked,
            config: Setting::Some(self.settings.iter().cloned().collect()),
            limits: Setting::Some(self.limits.iter().cloned().collect()),
            keep_old_seconds: self.keep_old.map(|time| time.as_secs()),
            allow_loss: self.allow_loss,
            from_earliest: self.how.from_earliest,
            anew: false,
            rebuild: self.how.rebuild(),
        }
    }
}

fn beginning() -> impl TypedValueParser<Value = Beginning> {
    PossibleValuesParser::new(["earliest", "latest"]).map(|text| match text.as_str() {
        "latest" => Beginning::Latest,
        _ => Beginning::Earliest,
    })
}

pub(super) fn on_error() -> impl TypedValueParser<Value = OnError> {
    PossibleValuesParser::new(["stop", "skip", "park"]).map(|text| match text.as_str() {
        "skip" => OnError::Skip,
        "park" => OnError::Park,
        _ => OnError::Stop,
    })
}

/// `KEY=VALUE`, or `KEY=` to remove it.
pub(super) fn setting(text: &str) -> Result<(String, Option<String>), String> {
    let (key, value) = text.split_once('=').ok_or("it has no `=`; write KEY=VALUE")?;
    setting_fault(key, value).map_or(Ok(()), Err)?;
    Ok((key.to_owned(), Some(value.to_owned()).filter(|value| !value.is_empty())))
}

/// What is wrong with a value of a configuration, if anything is.
pub(super) fn setting_fault(key: &str, value: &str) -> Option<String> {
    let too_long = |what: &str, bytes: usize, max: usize| format!("{what} has {bytes} bytes; {max} are allowed");
    match (key.len(), value.len()) {
        (0, _) => Some("a key is empty".to_owned()),
        (key, _) if key > KEY_BYTES_MAX => Some(too_long("a key", key, KEY_BYTES_MAX)),
        (_, value) if value > VALUE_BYTES_MAX => Some(too_long("a value", value, VALUE_BYTES_MAX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_settings() {
        let set = |key: &str, value: Option<&str>| Ok((key.to_owned(), value.map(str::to_owned)));
        assert_eq!(setting("currency=EUR"), set("currency", Some("EUR")));
        assert_eq!(setting("query=a=b"), set("query", Some("a=b")));
        assert_eq!(setting("currency="), set("currency", None));
        assert_eq!(setting("currency"), Err("it has no `=`; write KEY=VALUE".to_owned()));
        assert_eq!(setting("=EUR"), Err("a key is empty".to_owned()));
    }

    #[test]
    fn settings_have_limits() {
        let (key, value) = ("k".repeat(KEY_BYTES_MAX), "v".repeat(VALUE_BYTES_MAX));
        assert_eq!(setting_fault(&key, &value), None);
        let fault = setting_fault(&(key + "k"), "v");
        assert_eq!(fault.as_deref(), Some("a key has 257 bytes; 256 are allowed"));
        let fault = setting_fault("k", &(value + "v"));
        assert_eq!(fault.as_deref(), Some("a value has 65537 bytes; 65536 are allowed"));
    }
}
