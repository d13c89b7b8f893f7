//! `lantern inspect`: what a plugin is, without deploying it; and why it is none, if it is none.

mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::connect::{Connection, block_on};
use super::operate::live;
use super::run::Cache;
use super::{Printer, UserError};
use crate::app::Workshop;
use crate::lane::chain;
use crate::limits::{self, LIMITS, Limits};
use crate::projection::Description;
use crate::sandbox::wasm::{Anatomy, digest};
pub(super) use text::views;

/// Show what a plugin is: its topics, views, contract, size and limits; or why it can't be deployed
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern inspect balances.wasm
  lantern inspect balances.wasm --json
  lantern inspect balances")]
pub(crate) struct Args {
    /// Inspect this file, or, if there is none of that name, what this projection runs
    what: String,

    /// Set this for the plugin of a file, which it may need to say what it is
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    cache: Cache,

    #[command(flatten)]
    connection: Connection,
}

/// A plugin, and how it is, or would be, deployed.
struct Subject {
    bytes: Vec<u8>,
    config: BTreeMap<String, String>,
    limits: limits::Settings,
}

/// All that is known of a plugin.
struct Findings {
    what: String,
    size: usize,
    digest: String,
    anatomy: Anatomy,
    limits: Limits,
    /// What it says of itself; else why it is refused, and what can be done about that.
    description: Result<Description, (String, String)>,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let subject = if is_file(&args.what) { of_file(&args)? } else { deployed(&args)? };
    let workshop = Workshop::new(args.cache.dir().as_deref())?;
    let Subject { bytes, config, limits } = subject;
    let described = workshop.describe(bytes.clone(), &config, &limits);
    let findings = Findings {
        what: args.what,
        size: bytes.len(),
        digest: digest(&bytes),
        anatomy: Anatomy::of(&bytes),
        limits: Limits::of(&limits),
        description: described.map_err(|error| (chain(&error), error.hint().to_owned())),
    };
    if args.json {
        printer.out(json(&findings));
    } else {
        text::lines(&findings, super::table::wants_colour()).iter().for_each(|line| printer.out(line));
    }
    match findings.description {
        Ok(_) => Ok(()),
        Err((reason, hint)) => Err(UserError::failure(format!("it is refused: {reason}"), hint).into()),
    }
}

/// What looks like a path is one, though there may be no file.
fn is_file(what: &str) -> bool {
    Path::new(what).is_file() || what.contains('/') || what.ends_with(".wasm")
}

fn of_file(args: &Args) -> Result<Subject, UserError> {
    let file = PathBuf::from(&args.what);
    let bytes = fs::read(&file).map_err(|error| {
        UserError::failure(
            format!("cannot read {}: {error}", file.display()),
            "check the path and who may read it",
        )
    })?;
    Ok(Subject { bytes, config: args.settings.iter().cloned().collect(), limits: limits::Settings::new() })
}

fn deployed(args: &Args) -> anyhow::Result<Subject> {
    block_on(async {
        let operator = args.connection.operator();
        let (_, recorded) = operator.find(&args.what).await?;
        let deployment = recorded.deployment.clone();
        let generation = live(&deployment)?;
        let bytes = operator.module(&args.what, generation).await?;
        Ok(Subject { bytes, config: generation.config.clone(), limits: deployment.limits.clone() })
    })
}

pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has no `=`; write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn json(findings: &Findings) -> Value {
    let Findings { anatomy, limits, .. } = findings;
    let sections = anatomy.sections.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes }));
    let limits = LIMITS.iter().map(|limit| (limit.name.to_owned(), limit.value(limits).into()));
    let described = findings.description.as_ref();
    let description = described.ok().map(|description| {
        json!({
            "name": description.name,
            "revision": description.revision,
            "ordering": description.ordering,
            "topics": description.topics,
            "views": description.views,
        })
    });
    let refused = described.err().map(|(reason, hint)| json!({ "reason": reason, "hint": hint }));
    json!({
        "bytes": findings.size,
        "digest": findings.digest,
        "is_component": anatomy.is_component,
        "contract": anatomy.contract(),
        "imports": anatomy.imports,
        "exports": anatomy.exports,
        "toolchain": anatomy.toolchain,
        "sections": Value::from_iter(sections),
        "limits": Value::Object(limits.collect()),
        "description": description,
        "refused": refused,
    })
}
