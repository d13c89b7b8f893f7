//! The `lantern` binary as a user runs it: a process with arguments, output and an exit code.

use std::ffi::OsString;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::Signal;

use crate::artefacts;
use crate::eventually::{NET, eventually};
use crate::process::Process;
use crate::redis_server::RedisServer;
use crate::scratch::Scratch;
use crate::terminal::Terminal;

/// How long a host may take to end when it is asked to; on a busy machine only some tests insist on it.
pub const SHUTDOWN: Duration = Duration::from_secs(5);

/// A running `lantern`.
pub struct Host(Process);

impl Host {
    /// Starts `lantern` with any arguments, in a clean environment.
    pub fn cli<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Host {
        Host::start(args, None, &[])
    }

    /// Does so in a folder, with these variables set; one without a value is not.
    pub fn cli_in(folder: &Path, args: &[&str], variables: &[(&str, Option<&str>)]) -> Host {
        let mut command = command(args.iter().copied(), &[]);
        artefacts::forget_this_package(&mut command);
        command.current_dir(folder);
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Host(Process::spawn("lantern", command))
    }

    /// Does so at a terminal, for a person.
    pub fn at_terminal<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Terminal {
        Terminal::start("lantern", command(args, &[]))
    }

    pub(crate) fn start<A: Into<OsString>>(
        args: impl IntoIterator<Item = A>,
        log: Option<&str>,
        under: &[String],
    ) -> Host {
        let mut command = command(args, under);
        log.iter().for_each(|log| _ = command.env("RUST_LOG", log));
        Host(Process::spawn("lantern", command))
    }

    /// Begins a `lantern run` on a source (as `--source` takes it) and a Redis.
    pub fn run(source: &str, redis: &RedisServer) -> Run {
        Host::run_at(source, &redis.url())
    }

    /// The same with a Redis as `--redis` takes it.
    pub fn run_at(source: &str, redis: &str) -> Run {
        let run = Run { args: vec!["run".into()], log: None, under: Vec::new() };
        run.arg("--source").arg(source).arg("--redis").arg(redis)
    }

    /// Waits until something is so while the host runs; fails at once when the host ends before.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut check: impl FnMut() -> Result<T, String>) -> T {
        eventually(what, NET, || match self.ended() {
            Some(status) => {
                check().map_err(|seen| panic!("lantern ended ({status}) before: {what}\nlast seen: {seen}"))
            }
            None => check(),
        })
    }

    /// Asks it to end by SIGTERM as soon as it hears that, and gives its exit code; fails if it gave up waiting for its lanes.
    #[track_caller]
    pub fn terminate(&mut self) -> Option<i32> {
        self.terminate_within(NET)
    }

    /// The same, and fails if that takes longer than this.
    #[track_caller]
    pub fn terminate_within(&mut self, net: Duration) -> Option<i32> {
        eventually("it hears signals", NET, || match self.handles(Signal::TERM) || self.ended().is_some() {
            true => Ok(()),
            false => Err("it has no handler yet".to_owned()),
        });
        self.signal(Signal::TERM);
        let code = self.exit_code(net);
        assert!(!self.stderr().contains("did not end in time"), "it has left work behind\n{}", self.tail());
        code
    }

    /// Waits for the end and gives the exit code; none if a signal ended it.
    #[track_caller]
    pub fn exit_code(&mut self, net: Duration) -> Option<i32> {
        self.wait(net).code()
    }
}

/// `lantern` as it is started by a user whose terminal shows colours and who has set nothing else; by another program and
/// its arguments, if `under` names one.
fn command<A: Into<OsString>>(args: impl IntoIterator<Item = A>, under: &[String]) -> Command {
    let mut command = match under {
        [] => Command::new(artefacts::lantern()),
        [program, rest @ ..] => {
            let mut command = Command::new(program);
            command.args(rest).arg(artefacts::lantern());
            command
        }
    };
    clean(&mut command);
    command.args(args.into_iter().map(Into::into));
    command
}

/// Nothing is set that would change what `lantern` does.
pub(crate) fn clean(command: &mut Command) {
    static CACHE: LazyLock<Scratch> = LazyLock::new(|| Scratch::new("module-cache"));
    for name in ["LANTERN_SOURCE", "LANTERN_REDIS", "RUST_LOG", "RUST_BACKTRACE", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color").env("LANTERN_CACHE", CACHE.path());
}

impl Deref for Host {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl DerefMut for Host {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.0
    }
}

/// The arguments of a `lantern run`, which may be started any number of times.
#[derive(Clone)]
pub struct Run {
    args: Vec<OsString>,
    log: Option<String>,
    /// What starts it, if it is not started by itself.
    under: Vec<String>,
}

impl Run {
    /// Adds a projection: its name, its file and, unless it is to read those it names itself, its topics.
    pub fn projection(self, name: &str, wasm: &Path, topics: &[&str]) -> Run {
        let mut value = OsString::from(format!("{name}="));
        value.push(wasm);
        if !topics.is_empty() {
            value.push(format!(":{}", topics.join(",")));
        }
        self.arg("--projection").arg(value)
    }

    /// Limits the batches.
    pub fn batch_events(self, max: usize) -> Run {
        self.arg("--batch-events").arg(max.to_string())
    }

    /// Adds any argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Run {
        self.args.push(arg.into());
        self
    }

    /// Lets it log what this filter says, as `RUST_LOG` takes it.
    pub fn log(self, filter: &str) -> Run {
        Run { log: Some(filter.to_owned()), ..self }
    }

    /// Lets a command start it that takes program and arguments behind its own, and becomes that program.
    pub fn under(self, command: &[&str]) -> Run {
        Run { under: command.iter().map(|word| (*word).to_owned()).collect(), ..self }
    }

    /// Starts it.
    pub fn start(&self) -> Host {
        Host::start(&self.args, self.log.as_deref(), &self.under)
    }
}
