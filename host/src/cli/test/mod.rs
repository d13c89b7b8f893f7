//! `lantern test`: plays given events through a plugin, its lanes and a store in memory, and says what comes of it: whether
//! the views are as expected, whether the plugin is pure, and what it takes of what it may.

mod events;
mod expectation;
mod json;
mod text;

use std::path::PathBuf;

use serde_json::Value;

use super::deploy::{on_error, setting};
use super::run::Cache;
use super::{Printer, UserError, limit, start_log};
use crate::app::{Rehearsed, Workshop};
use crate::control::{MAX_PARKED, OnError};
use crate::lane::chain;
use crate::limits::Limits;
use crate::replay::{Difference, Examined, Stage, examine, views};
use crate::sandbox::Module;
use events::{Chosen, Given};
use expectation::Expectation;

/// What to do about an event that can't be applied.
const STOPPED_HINT: &str =
    "mend the plugin or the event, or say what is to become of such: --on-error park or skip";

/// Test a plugin: play events through it in memory, and look at the views, at what it takes, and whether it is pure
///
/// It runs in the real sandbox and in real lanes; no broker and no Redis is needed. The same events are played again and
/// again: in batches of other sizes, with the plugin's instances dropped, with the partitions in another order. A plugin
/// that does not give the same views each time would not survive a restart or a rebuild.
#[derive(clap::Args)]
#[command(after_help = "\
Events are JSON Lines as in the embedded log: {\"key\":…,\"timestamp\":…,\"headers\":{…},\"payload\":…}

Examples:
  lantern test pages.wasm --events page-events=events.jsonl
  lantern test pages.wasm --events page-events=events.jsonl --expect expected.json --update
  lantern test pages.wasm --events page-events=events.jsonl --expect expected.json
  lantern test orders.wasm --events orders=.lantern/log/orders customers/0=customers.jsonl --json")]
pub(crate) struct Args {
    /// Test this plugin
    file: PathBuf,

    /// Play the events of this file, or of a topic's directory of an embedded log; those of a file are spread over the
    /// partitions by their keys, unless one is named
    #[arg(long, value_name = "TOPIC[/PARTITION]=FILE", required = true, num_args = 1.., value_parser = events::parse)]
    events: Vec<Chosen>,

    /// Compare the views with those in this JSON file
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    /// Write the views to that file instead of comparing them
    #[arg(long, requires = "expect")]
    update: bool,

    /// Give each topic this many partitions
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    partitions: u32,

    /// Do this with an event that can't be applied
    #[arg(long, value_name = "WHAT", default_value = "stop", value_parser = on_error())]
    on_error: OnError,

    /// Set this for the plugin
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, Option<String>)>,

    /// Let the plugin use so much, such as memory=64MiB; repeat it for more. The limits are in docs/limits.md
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit::parse)]
    limits: Vec<(String, Option<u64>)>,

    /// Draw other random numbers: where instances are dropped, and how partitions interleave
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    cache: Cache,
}

/// All that was found out.
struct Findings {
    given: Given,
    examined: Examined,
    limits: Limits,
    component_bytes: usize,
    views: Value,
    /// How the views differ from what is expected, if something is.
    differences: Option<Vec<Difference>>,
}

impl Findings {
    fn passed(&self) -> bool {
        self.examined.impurity.is_none()
            && self.examined.outcome.halted.is_empty()
            && self.differences.as_ref().is_none_or(Vec::is_empty)
    }
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    start_log("warn,plugin=info");
    let module = open(&args)?;
    let description = module.description();
    let given = Given::read(&args.events, &description.topics, args.partitions)?;
    let expectation = match &args.expect {
        Some(file) if !args.update => Some(Expectation::read(file)?),
        _ => None,
    };
    let stage = Stage::new(description, given.log.clone(), args.on_error.into(), MAX_PARKED as usize);
    // One thread: so every run is the same.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let examined = runtime.block_on(examine(&stage, &module, args.seed));
    let views = views(&description.views, &examined.outcome.structures);
    let findings = Findings {
        given,
        limits: Limits::of(&args.limits()),
        component_bytes: module.bytes().len(),
        differences: expectation.map(|expectation| expectation.differences(&views)),
        examined,
        views,
    };
    if args.json {
        printer.out(json::report(&findings));
    } else {
        let expected = args.expect.as_deref().filter(|_| !args.update);
        text::lines(&findings, &description.views, expected).iter().for_each(|line| printer.out(line));
    }
    if let Some(file) = args.expect.as_deref().filter(|_| args.update) {
        if !findings.examined.outcome.halted.is_empty() {
            let message = format!("{} is not written, for not all events could be applied", file.display());
            return Err(UserError::failure(message, STOPPED_HINT).into());
        }
        expectation::write(file, &findings.views)?;
        printer.note(format_args!("the views are written to {}: look whether they are right", file.display()));
    }
    verdict(&args, &findings)
}

fn open(args: &Args) -> anyhow::Result<Rehearsed> {
    let workshop = Workshop::new(args.cache.dir().as_deref())?;
    let config = args.settings.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
    let module = workshop.rehearse_file(&args.file, &config, &args.limits()).map_err(|error| {
        UserError::failure(format!("{} cannot be run: {}", args.file.display(), chain(&error)), error.hint())
    })?;
    Ok(module)
}

impl Args {
    fn limits(&self) -> crate::limits::Settings {
        self.limits.iter().filter_map(|(name, value)| Some((name.clone(), (*value)?))).collect()
    }
}

fn verdict(args: &Args, findings: &Findings) -> anyhow::Result<()> {
    if findings.passed() {
        return Ok(());
    }
    let outcome = &findings.examined.outcome;
    let (message, hint) = match (outcome.halted.first(), &findings.examined.impurity, &findings.differences) {
        (Some(_), ..) => ("not all events could be applied".to_owned(), STOPPED_HINT.to_owned()),
        (_, Some(impurity), _) => ("the plugin is not pure".to_owned(), impurity.cause.hint().to_owned()),
        (.., differences) => {
            let count = differences.as_ref().map_or(0, Vec::len);
            let file = args.expect.as_ref().map_or(String::new(), |file| file.display().to_string());
            let (message, hint) =
                (text::count(count, "difference"), "if it is the plugin that is right, --update writes that");
            (format!("{message} from {file}"), hint.to_owned())
        }
    };
    Err(UserError::failure(message, hint).into())
}
