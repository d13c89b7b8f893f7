//! `lantern build`: makes the component of a plugin's crate, and looks whether a host would take it.

mod cargo;
mod package;
mod text;
mod toolchain;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::connect::block_on;
use super::run::Cache;
use super::table::wants_colour;
use super::{Printer, UserError};
use crate::app::{Plugin, Workshop};
use crate::lane::chain;
pub(super) use cargo::Talk;
use package::Package;
pub(super) use package::name_of;

/// Build the plugin of a Rust project, as NAME.wasm beside its Cargo.toml
///
/// Cargo builds it for wasm32-unknown-unknown under the profile `plugin`: that of the workspace if it has one, else the one
/// that `lantern new` writes. What comes out is made a component, and kept only if a host would take it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern build
  lantern build plugins/leaderboard
  lantern build --set currency=EUR
  lantern build -- --features eu")]
pub(crate) struct Args {
    /// Build the project in this directory
    #[arg(value_name = "DIR", default_value = ".")]
    project: PathBuf,

    /// Set this for the plugin, which it may need to say what it is
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::inspect::setting)]
    settings: Vec<(String, String)>,

    /// Hand these arguments to cargo
    #[arg(last = true, value_name = "CARGO ARGUMENTS")]
    cargo: Vec<String>,

    #[command(flatten)]
    cache: Cache,
}

/// How a plugin is to be built.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) cargo: Vec<String>,
    pub(super) config: BTreeMap<String, String>,
}

/// A plugin that was built, and that a host would take.
pub(super) struct Built {
    pub(super) file: PathBuf,
    pub(super) plugin: Plugin,
    /// Whether the file is another one than before.
    pub(super) is_new: bool,
    pub(super) took: Duration,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let workshop = Workshop::new(args.cache.dir().as_deref())?;
    let wish = Wish { cargo: args.cargo, config: args.settings.into_iter().collect() };
    let built = block_on(async { Ok(build(&args.project, &wish, &workshop, Talk::Shown).await?) })?;
    let here = std::env::current_dir().unwrap_or_default();
    text::lines(&built, &here, wants_colour()).iter().for_each(|line| printer.out(line));
    if !built.is_new {
        printer.note("it is the same as before");
    }
    Ok(())
}

/// Builds the plugin of a project. The file that is there stays as it was if anything fails.
pub(super) async fn build(
    project: &Path,
    wish: &Wish,
    workshop: &Workshop,
    talk: Talk<'_>,
) -> Result<Built, UserError> {
    let began = Instant::now();
    let folder = project.to_owned();
    let package = aside(move || toolchain::check(&folder).and_then(|()| Package::of(&folder))).await?;
    let module = cargo::build(&package, &wish.cargo, talk).await?;
    let (wish, workshop) = (wish.clone(), workshop.clone());
    aside(move || finish(&package, &module, &wish, &workshop, began)).await
}

/// Makes the component of a module, and keeps it if a host would take it.
fn finish(
    package: &Package,
    module: &Path,
    wish: &Wish,
    workshop: &Workshop,
    began: Instant,
) -> Result<Built, UserError> {
    let bytes = fs::read(module).map_err(|error| {
        UserError::failure(
            format!("cargo has built {}, which can't be read: {error}", module.display()),
            "check who may read it, and whether another cargo is at work there",
        )
    })?;
    let plugin = workshop.make(&bytes, &wish.config).map_err(|error| {
        let message = format!("a host would not take `{}`: {}", package.name, chain(&error));
        UserError::failure(message, error.hint())
    })?;
    let file = package.folder.join(format!("{}.wasm", package.name));
    let is_new = !fs::read(&file).is_ok_and(|before| before == plugin.bytes);
    if is_new {
        replace(&file, &plugin.bytes).map_err(|error| {
            UserError::failure(
                format!("cannot write {}: {error}", file.display()),
                "check who may write there, and the room on its disk",
            )
        })?;
    }
    Ok(Built { file, plugin, is_new, took: began.elapsed() })
}

/// Does what blocks where it holds up nothing else.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Puts a file into its place as a whole, so that nobody sees a part of it.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let written = file.with_extension(format!("wasm.{}~", std::process::id()));
    fs::write(&written, content)?;
    fs::rename(&written, file).inspect_err(|_| _ = fs::remove_file(&written))
}
