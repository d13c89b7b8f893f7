//! An operator at the command line of an installation: every command is a process that ends by itself.

use std::path::Path;

use serde_json::Value;

use crate::eventually::NET;
use crate::host::Host;
use crate::redis_server::RedisServer;

/// Whoever acts on the installation in a Redis.
pub struct Operator {
    redis: String,
    /// What starts its commands, if they are not started by themselves.
    under: Vec<String>,
}

/// What a command has said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its data.
    pub stdout: String,
    /// Its talk.
    pub stderr: String,
}

impl Operator {
    /// Acts on what this Redis holds.
    pub fn of(redis: &RedisServer) -> Operator {
        Operator::at(&redis.url())
    }

    /// Acts on what the Redis behind this URL holds.
    pub fn at(url: &str) -> Operator {
        Operator { redis: url.to_owned(), under: Vec::new() }
    }

    /// Lets a command start `lantern` that takes program and arguments behind its own.
    pub fn under(self, command: &[&str]) -> Operator {
        Operator { under: command.iter().map(|word| (*word).to_owned()).collect(), ..self }
    }

    /// Runs a command, such as `["cancel", "balances"]`, to its end.
    #[track_caller]
    pub fn tries(&self, command: &[&str]) -> Said {
        let mut process = Host::start(command.iter().copied().chain(["--redis", &self.redis]), None, &self.under);
        let code = process.exit_code(NET);
        Said { code, stdout: process.stdout(), stderr: process.stderr() }
    }

    /// Runs a command that must succeed, and gives its data.
    #[track_caller]
    pub fn does(&self, command: &[&str]) -> String {
        let said = self.tries(command);
        assert_eq!(said.code, Some(0), "lantern {}\n{}{}", command.join(" "), said.stdout, said.stderr);
        said.stdout
    }

    /// `lantern deploy` of a file under a name, on this topic.
    #[track_caller]
    pub fn deploy(&self, name: &str, wasm: &Path, topic: &str, args: &[&str]) {
        let file = wasm.to_str().expect("the target directory has a plain name");
        self.does(&[&["deploy", file, "--name", name, "--topic", topic], args].concat());
    }

    /// What `lantern status --json` says of a projection.
    #[track_caller]
    pub fn status(&self, projection: &str) -> Value {
        let report = self.does(&["status", projection, "--json"]);
        let mut report: Value = serde_json::from_str(&report).expect("a report is JSON");
        report["projections"][0].take()
    }
}

impl Said {
    /// It is done; gives its data.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Its data as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It is not done and gives no data; gives the exit code and all that was said.
    #[track_caller]
    pub fn refusal(&self) -> String {
        assert_eq!(self.stdout, "", "stdout is for data");
        format!("exit code {}\n{}", self.code.expect("it ended by itself"), self.stderr)
    }

    /// It is not done; gives the exit code and the error.
    #[track_caller]
    pub fn refused(self) -> String {
        let at = self.stderr.find("error: ").unwrap_or_else(|| panic!("no error was said: {self:?}"));
        format!("exit code {}\n{}", self.code.expect("it ended by itself"), &self.stderr[at..])
    }
}
