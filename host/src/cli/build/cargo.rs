//! Lets cargo compile a plugin.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use super::package::Package;
use super::toolchain::{self, TARGET};
use crate::cli::UserError;
use crate::cli::kit;

/// What becomes of what cargo says.
pub(in crate::cli) enum Talk<'a> {
    /// It goes to stderr, as if cargo had been called.
    Shown,
    /// Warnings and errors are kept, to be shown later.
    Kept(&'a mut String),
}

/// How much a function may grow by what is put into it. A call costs more in WebAssembly than on a processor, and the compiler does
/// not know: at its own measure (225) a plugin took a sixth longer for an event.
const INLINING: [&str; 2] = ["-C", "llvm-args=-inline-threshold=1000"];

/// Compiles a crate, and gives the file of its module.
pub(super) async fn build(package: &Package, more: &[String], talk: Talk<'_>) -> Result<PathBuf, UserError> {
    let mut command = Command::new(toolchain::cargo());
    command
        // As a library for tests it could not be optimized as one with the SDK, and cargo would not say so.
        .args(["rustc", "--lib", "--crate-type", "cdylib", "--target", TARGET, "--profile", kit::PROFILE])
        .arg("--target-dir")
        .arg(&package.target_dir)
        .args(profile(package))
        .args(more)
        .current_dir(&package.folder)
        .stdin(Stdio::null())
        // Whoever stops waiting does not want it any more.
        .kill_on_drop(true);
    if let Talk::Kept(_) = talk {
        let colour = if std::io::stderr().is_terminal() { "always" } else { "never" };
        command.args(["--quiet", "--color", colour]);
    }
    // What stands behind is for the compiler.
    command.arg("--").args(INLINING);
    let status = match talk {
        // What cargo prints is no data of ours.
        Talk::Shown => command.stdout(Stdio::null()).status().await,
        Talk::Kept(text) => {
            let output = command.output().await;
            output.map(|output| {
                text.push_str(&String::from_utf8_lossy(&output.stderr));
                output.status
            })
        }
    };
    let status = status.map_err(|error| toolchain::no_cargo(&error))?;
    if !status.success() {
        let hint = toolchain::lacking_linker().unwrap_or("mend what cargo says above");
        return Err(UserError::failure(format!("`{}` could not be built", package.name), hint));
    }
    Ok(package.target_dir.join(TARGET).join(kit::PROFILE).join(format!("{}.wasm", package.library)))
}

/// The profile in arguments, for a workspace that does not have it.
fn profile(package: &Package) -> Vec<String> {
    if package.has_profile {
        return Vec::new();
    }
    let setting = |(key, value)| ["--config".to_owned(), format!("profile.{}.{key}={value}", kit::PROFILE)];
    kit::profile().flat_map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_given_where_there_is_none() {
        let of = |has_profile| {
            let (name, folder, library) = ("p".to_owned(), PathBuf::new(), "p".to_owned());
            profile(&Package { name, folder, library, target_dir: PathBuf::new(), has_profile }).join(" ")
        };
        assert_eq!(of(true), "");
        assert!(
            of(false)
                .starts_with("--config profile.plugin.inherits=\"release\" --config profile.plugin.lto=\"fat\"")
        );
    }
}
