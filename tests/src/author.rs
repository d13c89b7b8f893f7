//! An author of plugins at the command line: `lantern` is called in a folder, and calls cargo.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::artefacts::{self, lantern, plugin, target_dir};
use crate::host::{self, Host};
use crate::operator::Said;
use crate::process::Process;
use crate::scratch::Scratch;

/// The net under what compiles: on a busy machine that takes its time.
pub const BUILD_NET: Duration = Duration::from_secs(600);

/// Whoever writes a plugin, in a folder of their own.
pub struct Author {
    folder: PathBuf,
    scratch: Scratch,
    variables: Vec<(&'static str, Option<String>)>,
}

impl Author {
    /// Sits in an empty folder. Cargo builds where it builds everything else, of the crates that are on this machine.
    pub fn new(name: &str) -> Author {
        // Only one cargo at a time builds there, so what is needed anyway is not waited for within a net.
        lantern();
        plugin("balances");
        let scratch = Scratch::new(name);
        let target = target_dir().display().to_string();
        let variables = vec![("CARGO_TARGET_DIR", Some(target)), ("CARGO_NET_OFFLINE", Some("true".to_owned()))];
        Author { folder: scratch.path().to_owned(), scratch, variables }
    }

    /// Goes into a folder below.
    pub fn goes_to(&mut self, folder: &str) {
        self.folder.push(folder);
    }

    /// Sets a variable, or removes it.
    pub fn sets(&mut self, name: &'static str, value: Option<&str>) {
        self.variables.push((name, value.map(str::to_owned)));
    }

    /// Where the author is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that all began in.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Starts `lantern` with these arguments.
    pub fn starts(&self, command: &[&str]) -> Host {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_deref())).collect();
        Host::cli_in(&self.folder, command, &variables)
    }

    /// Runs a command to its end. The folder is told as `DIR`.
    #[track_caller]
    pub fn tries(&self, command: &[&str]) -> Said {
        let mut process = self.starts(command);
        let code = process.exit_code(BUILD_NET);
        let named = |text: String| text.replace(&self.folder.display().to_string(), "DIR");
        Said { code, stdout: named(process.stdout()), stderr: named(process.stderr()) }
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn does(&self, command: &[&str]) -> Said {
        let said = self.tries(command);
        assert_eq!(said.code, Some(0), "lantern {}\n{}{}", command.join(" "), said.stdout, said.stderr);
        said
    }

    /// Runs cargo to its end, which must succeed.
    #[track_caller]
    pub fn runs_cargo(&self, args: &[&str]) -> String {
        let mut command = artefacts::cargo();
        command.args(args).current_dir(&self.folder);
        self.variables.iter().for_each(|(name, value)| _ = value.as_ref().map(|value| command.env(name, value)));
        let mut process = Process::spawn("cargo", command);
        assert!(process.wait(BUILD_NET).success(), "cargo {} failed\n{}", args.join(" "), process.tail());
        process.stdout()
    }

    /// Starts a shell that runs a script, and in which `lantern` is found.
    pub fn starts_shell(&self, script: &str) -> Process {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(&self.folder);
        artefacts::forget_this_package(&mut command);
        host::clean(&mut command);
        let ours = lantern().parent().map(Path::to_owned);
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(ours.into_iter().chain(env::split_paths(&others)));
        command.env("PATH", path.expect("the target directory has a plain name"));
        self.variables.iter().for_each(|(name, value)| _ = value.as_ref().map(|value| command.env(name, value)));
        Process::spawn("bash", command)
    }

    /// Changes a text in a file, which must be there.
    #[track_caller]
    pub fn edits(&self, file: &str, from: &str, to: &str) {
        let file = self.folder.join(file);
        let text = fs::read_to_string(&file).expect("the file is there");
        assert!(text.contains(from), "`{from}` is not in\n{text}");
        fs::write(file, text.replace(from, to)).expect("the folder is writable");
    }
}
