//! The operator of a chaotic installation: rebuilds, redeploys, rolls back, pauses and resumes all the time, by commands,
//! and takes a no for an answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::diary::Diary;
use super::fault::shuffle;
use super::monitor::Monitor;
use super::stop::Stop;
use crate::artefacts::plugin;
use crate::host::Host;
use crate::operator::Said;
use crate::random::Random;

/// The projections that there are.
pub const PROJECTIONS: [&str; 3] = ["balances", "chain", "ledger"];

/// A command that takes longer is given up: what it has begun goes on without it.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two attempts of the same.
const AGAIN: Duration = Duration::from_millis(300);
/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);
/// A projection that is paused is resumed within this, or the operator asks whether it is.
const RESUMES_MAX: usize = 20;

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Another revision of `balances`.
    Redeploy,
    /// `balances` goes back to what was live before.
    Rollback,
    /// A projection is built anew.
    Rebuild,
    /// A projection stands still for a while.
    Pause,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 4] = [Action::Redeploy, Action::Rollback, Action::Rebuild, Action::Pause];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Action::Redeploy => "redeployed",
            Action::Rollback => "rolled back",
            Action::Rebuild => "rebuilt",
            Action::Pause => "paused and resumed",
        }
    }
}

/// How often each was done, and how often it was tried.
pub type Done = BTreeMap<Action, (u32, u32)>;

/// An operator at work.
pub struct Shift {
    done: Arc<Mutex<Done>>,
    thread: JoinHandle<()>,
}

/// Whoever gives commands.
#[derive(Clone)]
pub struct Operator {
    redis: String,
    topic: String,
    diary: Diary,
}

impl Shift {
    /// Begins, and goes on until told to stop.
    pub fn start(operator: Operator, seed: u64, monitor: &Monitor, over: &Stop) -> Shift {
        let done = Arc::new(Mutex::new(Done::new()));
        let (tally, monitor, over) = (done.clone(), monitor.clone(), over.clone());
        let work = move || {
            let mut random = Random::new(seed);
            while !over.is_ordered() {
                let mut actions = [Action::ALL, Action::ALL].concat();
                shuffle(&mut actions, &mut random);
                for action in actions {
                    if over.pause(Duration::from_millis(500 + random.below(3_000))) {
                        break;
                    }
                    let is_done = operator.act(action, &mut random, &monitor, &over);
                    let mut done = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    let (done, tried) = done.entry(action).or_default();
                    (*done, *tried) = (*done + u32::from(is_done), *tried + 1);
                }
            }
        };
        Shift { done, thread: thread::spawn(work) }
    }

    /// How often each was done so far.
    pub fn done(&self) -> Done {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the operator has stopped, as it was told to.
    pub fn join(self) -> Done {
        let done = self.done();
        self.thread.join().expect("the operator does not panic");
        done
    }
}

impl Operator {
    /// Whoever acts on the installation in a Redis, whose projections read this topic.
    pub fn new(redis: String, topic: &str, diary: &Diary) -> Operator {
        Operator { redis, topic: topic.to_owned(), diary: diary.clone() }
    }

    /// `lantern deploy` of all projections. Nothing is broken yet, so that must go well.
    pub fn deploy_all(&self) {
        for name in PROJECTIONS {
            if !self.deploy(name, name, &Stop::default()) {
                self.diary.find(format!("{name} can't be deployed"));
            }
        }
    }

    fn deploy(&self, name: &str, file: &str, over: &Stop) -> bool {
        let file = plugin(file);
        let file = file.to_str().expect("the target directory has a plain name");
        self.does(&["deploy", file, "--name", name, "--topic", &self.topic, "--wait"], over)
    }

    fn act(&self, action: Action, random: &mut Random, monitor: &Monitor, over: &Stop) -> bool {
        let name = PROJECTIONS[random.below(PROJECTIONS.len() as u64) as usize];
        match action {
            Action::Redeploy => {
                let revision = self.status("balances").and_then(|status| status["revision"].as_u64());
                let other = if revision == Some(1) { "balances-v2" } else { "balances" };
                revision.is_some() && self.deploy("balances", other, over)
            }
            Action::Rollback => {
                let rollback = || self.does(&["rollback", "balances"], over);
                rollback() || self.does(&["rebuild", "balances", "--wait"], over) && rollback()
            }
            Action::Rebuild => self.does(&["rebuild", name, "--wait"], over),
            Action::Pause => {
                monitor.paused(name, true);
                let is_paused = self.does(&["pause", name], over);
                over.pause(Duration::from_millis(500 + random.below(3_000)));
                let is_resumed = self.resume(name);
                monitor.paused(name, false);
                is_paused && is_resumed
            }
        }
    }

    /// A projection must not stay paused, whatever becomes of the first command that says so.
    fn resume(&self, name: &str) -> bool {
        for _ in 0..RESUMES_MAX {
            let is_resumed = self.does(&["resume", name], &Stop::default());
            if is_resumed || self.status(name).is_some_and(|status| status["state"] != "paused") {
                return is_resumed;
            }
            Stop::default().pause(AGAIN);
        }
        false
    }

    /// Sees to it, when nothing is injected any more, that all is live; gives of each projection what its status is then.
    pub fn settle(&self, patience: Duration, stop: &Stop) -> BTreeMap<&'static str, Value> {
        let (mut settled, deadline) = (BTreeMap::new(), Instant::now() + patience);
        for name in PROJECTIONS {
            loop {
                let status = self.status(name).unwrap_or(Value::Null);
                match status["state"].as_str() {
                    Some("live") if status["rebuild"].is_null() || status["rebuild"]["state"] == "failed" => {
                        settled.insert(name, status);
                        break;
                    }
                    Some("paused") => _ = self.does(&["resume", name], stop),
                    _ if Instant::now() > deadline => {
                        self.diary.find(format!("{name} is not live after {patience:?} of peace: {status}"));
                        break;
                    }
                    _ => {}
                }
                if stop.pause(Duration::from_millis(100)) {
                    return settled;
                }
            }
        }
        settled
    }

    /// What `lantern status --json` says of a projection, if it says anything.
    fn status(&self, projection: &str) -> Option<Value> {
        let said = self.says(&["status", projection, "--json"], &Stop::default())?;
        let mut report: Value = serde_json::from_str(&said.stdout).ok()?;
        Some(report["projections"][0].take()).filter(|status| !status.is_null())
    }

    /// Runs a command; false if it has not ended well.
    fn does(&self, command: &[&str], over: &Stop) -> bool {
        let shown = command.iter().map(|word| word.rsplit('/').next().unwrap_or(word));
        let shown = shown.collect::<Vec<_>>().join(" ");
        let Some(said) = self.says(command, over) else {
            self.diary.note(&format!("lantern {shown}: not waited for any longer"));
            return false;
        };
        let why = said.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or("it is done");
        self.diary.note(&format!("lantern {shown}: {why}"));
        if said.stderr.contains("panicked at") {
            self.diary.find(format!("lantern {shown} panicked:\n{}", said.stderr));
        }
        said.code == Some(0)
    }

    fn says(&self, command: &[&str], over: &Stop) -> Option<Said> {
        let mut process = Host::cli(command.iter().copied().chain(["--redis", &self.redis]));
        let deadline = Instant::now() + PATIENCE;
        while process.ended().is_none() {
            if Instant::now() > deadline || over.pause(LOOK) {
                return None;
            }
        }
        let code = process.exit_code(PATIENCE);
        Some(Said { code, stdout: process.stdout(), stderr: process.stderr() })
    }
}
