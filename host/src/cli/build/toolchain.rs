//! What it takes to build a plugin, and what to install if it is not there.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::cli::UserError;

/// What plugins are built for.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Where Rust comes from.
const INSTALL_RUST: &str = "install Rust from https://rustup.rs";

/// The cargo that builds.
pub(super) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What comes of it that cargo can't be started.
pub(super) fn no_cargo(error: &io::Error) -> UserError {
    unstarted("cargo", error)
}

/// Looks whether there is a Rust that can compile for [`TARGET`], as a project wants it.
pub(super) fn check(project: &Path) -> Result<(), UserError> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        // Which Rust it is may be written down there.
        .current_dir(if project.is_dir() { project } else { Path::new(".") })
        .output()
        .map_err(|error| unstarted("rustc", &error))?;
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr).trim().to_owned();
        return Err(UserError::failure(format!("rustc does not work: {said}"), INSTALL_RUST));
    }
    let libraries = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    if Path::new(&libraries).is_dir() { Ok(()) } else { Err(no_target(is_there("rustup"))) }
}

/// What else cargo needs, if it is not there: what links build scripts and macros, which run on this machine.
pub(super) fn lacking_linker() -> Option<&'static str> {
    (!is_there("cc")).then_some("there is no C compiler `cc`, which links for this machine: apt-get install gcc")
}

fn no_target(has_rustup: bool) -> UserError {
    let hint = if has_rustup {
        format!("rustup target add {TARGET}")
    } else {
        format!(
            "install it beside your rustc, as its packages have it, or use rustup (https://rustup.rs) and then: rustup target add {TARGET}"
        )
    };
    UserError::failure(format!("Rust's target {TARGET} is not installed"), hint)
}

fn unstarted(tool: &str, error: &io::Error) -> UserError {
    match error.kind() {
        io::ErrorKind::NotFound => UserError::failure(format!("{tool} is not installed"), INSTALL_RUST),
        _ => UserError::failure(format!("{tool} can't be started: {error}"), INSTALL_RUST),
    }
}

/// Whether there is a program of this name to be started.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_install() {
        let said = |error: UserError| format!("{error} (hint: {})", error.hint());
        assert_eq!(
            said(no_target(true)),
            "Rust's target wasm32-unknown-unknown is not installed (hint: rustup target add wasm32-unknown-unknown)"
        );
        assert!(said(no_target(false)).contains("install it beside your rustc"));
        assert_eq!(
            said(no_cargo(&io::ErrorKind::NotFound.into())),
            "cargo is not installed (hint: install Rust from https://rustup.rs)"
        );
    }
}
