//! The programs of `tests/clients`, which read views in several languages. The Redis client that each needs is fetched
//! into the target directory by `./x test`; nothing is installed on the machine.
//!
//! `LANTERN_TEST_CLIENTS_REQUIRED=1` makes it a failure that a program can't be run.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use crate::artefacts::{repository, target_dir};
use crate::note;

/// A program that reads views. Its arguments: URL of a Redis, `topic/partition` and offset of an event to wait for.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// With `redis`.
    Python,
    /// With `ioredis`.
    Node,
    /// With `go-redis`.
    Go,
    /// A shell script.
    RedisCli,
}

impl Program {
    /// All of them.
    pub const ALL: [Program; 4] = [Program::Python, Program::Node, Program::Go, Program::RedisCli];

    /// How Markdown names its language.
    pub fn language(self) -> &'static str {
        match self {
            Program::Python => "python",
            Program::Node => "js",
            Program::Go => "go",
            Program::RedisCli => "bash",
        }
    }

    /// Its text.
    pub fn text(self) -> String {
        fs::read_to_string(self.file()).expect("the program is in the repository")
    }

    /// What runs it. None if its client was not fetched.
    pub fn command(self) -> Option<Command> {
        if self.is_ready() {
            return Some(self.prepared());
        }
        let missing = format!("the client of {} is not in the target directory", self.name());
        if env::var_os("LANTERN_TEST_CLIENTS_REQUIRED").is_some() {
            panic!("views must be read from every language here, but {missing}; `./x test` fetches it");
        }
        note(&format!("not run: {missing}"));
        None
    }

    /// Whether the client that the program's lock file names is there.
    fn is_ready(self) -> bool {
        let lock = match self {
            Program::Python => "requirements.txt",
            Program::Node => "package-lock.json",
            Program::Go => "go.sum",
            Program::RedisCli => return true,
        };
        let wanted = fs::read(self.folder().join(lock)).expect("the lock file is in the repository");
        fs::read(self.fetched().join("ready")).is_ok_and(|ready| ready == wanted)
    }

    fn prepared(self) -> Command {
        match self {
            Program::Python => {
                let mut command = Command::new("python3");
                command.arg(self.file()).env("PYTHONPATH", self.fetched()).env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
            Program::Node => {
                // It finds its client beside itself only.
                let program = self.fetched().join("read.mjs");
                fs::copy(self.file(), &program).expect("the target directory is writable");
                let mut command = Command::new("node");
                command.arg(program);
                command
            }
            Program::Go => self.built(),
            Program::RedisCli => Command::new(self.file()),
        }
    }

    fn built(self) -> Command {
        let program = self.fetched().join("read");
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(&program).current_dir(self.folder()).env("GOTOOLCHAIN", "local");
        build.env("GOMODCACHE", self.fetched().join("modules")).env("GOCACHE", self.fetched().join("cache"));
        build.env("GOFLAGS", "-mod=readonly -modcacherw").env("GOPROXY", "off").env("CGO_ENABLED", "0");
        assert!(build.status().expect("go runs").success(), "go can't build {}", self.file().display());
        Command::new(program)
    }

    fn name(self) -> &'static str {
        match self {
            Program::Python => "python",
            Program::Node => "node",
            Program::Go => "go",
            Program::RedisCli => "redis-cli",
        }
    }

    fn file(self) -> PathBuf {
        self.folder().join(match self {
            Program::Python => "read.py",
            Program::Node => "read.mjs",
            Program::Go => "main.go",
            Program::RedisCli => "read.sh",
        })
    }

    fn folder(self) -> PathBuf {
        repository().join("tests/clients").join(self.name())
    }

    fn fetched(self) -> PathBuf {
        target_dir().join("clients").join(self.name())
    }
}
