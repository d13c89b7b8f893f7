//! The binary and the plugins under test, built by cargo once per test process, so that no test ever runs a stale one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, OnceLock};

const GUEST: &str = "wasm32-unknown-unknown";

/// The `lantern` binary, of the same profile as this process.
pub fn lantern() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // With `--workspace` cargo resolves the same features as for the tests, and builds no dependency twice.
        cargo_build(&["--profile", &PROFILE.name, "--workspace", "--bin", "lantern"]);
        target_dir().join(&PROFILE.folder).join("lantern")
    })
}

/// The plugins that tests run: the examples, and those in `tests/plugins`.
const PLUGINS: [&str; 18] = [
    "balances",
    "leaderboard",
    "orders",
    "balances-hot",
    "balances-lost",
    "balances-v2",
    "bench-counters",
    "bench-documents",
    "bench-new-sellers",
    "bench-nexmark",
    "chain",
    "echo",
    "evil",
    "evolved",
    "impure",
    "ledger",
    "picky",
    "witness",
];

/// What `lantern build` tells the compiler.
const INLINING: &str = "target.wasm32-unknown-unknown.rustflags=['-C', 'llvm-args=-inline-threshold=1000']";

/// The Wasm file of an example or fixture plugin, by its crate's name.
pub fn plugin(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let mut args = vec!["--profile", "plugin", "--target", GUEST, "--config", INLINING];
        for package in PLUGINS {
            args.extend(["--package", package]);
        }
        cargo_build(&args);
        target_dir().join(GUEST).join("plugin")
    });
    folder.join(format!("{}.wasm", name.replace('-', "_")))
}

/// A file that is kept in `tests/fixtures` because it can't be built any more, such as a plugin of an old contract.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The repository's folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository")
}

/// Cargo's target directory, from where this very process was started.
pub fn target_dir() -> &'static Path {
    &PROFILE.target
}

struct Profile {
    target: PathBuf,
    /// The folder in the target directory, …
    folder: String,
    /// … and the profile whose folder it is.
    name: String,
}

static PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    let binary = env::current_exe().expect("a running process has a file");
    let folder = binary
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"))
        .expect("cargo puts binaries into <target>/<profile> or its deps");
    let target = folder.parent().expect("a profile's folder is in the target directory");
    let folder = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
    let name = if folder == "debug" { "dev".to_owned() } else { folder.clone() };
    Profile { target: target.to_owned(), folder, name }
});

/// What the names of the variables begin with that cargo sets for the package whose test it runs.
const OURS: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_PRIMARY_"];

/// Cargo, as who is not started by it calls it.
pub fn cargo() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    forget_this_package(&mut command);
    command
}

/// What cargo says of this very package would be taken for a change by build scripts that look at it, such as ring's.
pub(crate) fn forget_this_package(command: &mut Command) {
    let ours = env::vars_os().map(|(name, _)| name);
    let ours =
        ours.filter(|name| name.to_str().is_some_and(|name| OURS.iter().any(|begin| name.starts_with(begin))));
    ours.for_each(|name| _ = command.env_remove(name));
}

fn cargo_build(args: &[&str]) {
    let status = cargo()
        .arg("build")
        .args(args)
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cargo build {} failed, see above", args.join(" "));
}
