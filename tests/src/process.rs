//! A child process whose output is kept line by line, and that never outlives the test process.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use crate::eventually::eventually;

/// How many of the last lines are shown when a test fails.
const SHOWN: usize = 80;

/// One child. Killed, if it still runs, when this is dropped; its output is printed if the test failed.
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
    exit: Option<ExitStatus>,
}

impl Process {
    /// Starts a command under a name for people; its stdout and stderr are captured, its stdin is empty.
    pub fn spawn(name: &str, mut command: Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = format!("{command:?}");
        let mut child =
            spawn_bound(command).unwrap_or_else(|error| panic!("can't start {name} by {shown}: {error}"));
        let output = Arc::new(Output::default());
        output.read(Stream::Out, child.stdout.take().expect("stdout is piped"));
        output.read(Stream::Err, child.stderr.take().expect("stderr is piped"));
        Process { name: name.to_owned(), child, output, exit: None }
    }

    /// Starts a command that has its stdin, stdout and stderr already; what it shows can be read there.
    pub(crate) fn spawn_shown_by(name: &str, command: Command, shown: impl Read + Send + 'static) -> Process {
        let child = spawn_bound(command).unwrap_or_else(|error| panic!("can't start {name}: {error}"));
        let output = Arc::new(Output::default());
        output.read(Stream::Out, shown);
        Process { name: name.to_owned(), child, output, exit: None }
    }

    /// Waits for a line of stdout or stderr, past or future, that fits. Fails when the process ends without one.
    #[track_caller]
    pub fn wait_for_line(&self, what: &str, net: Duration, fits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + net;
        let mut lines = self.output.lines();
        let mut next = 0;
        loop {
            if let Some(line) = lines.all[next..].iter().find(|line| fits(&line.text)) {
                return line.text.clone();
            }
            next = lines.all.len();
            assert!(lines.open > 0, "{} ended without a line that says: {what}", self.name);
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} said nothing in {net:?} like: {what}", self.name);
            lines = self.output.changed.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the process to end by itself, and for the last of its output.
    #[track_caller]
    pub fn wait(&mut self, net: Duration) -> ExitStatus {
        let name = self.name.clone();
        let status =
            eventually(&format!("{name} has ended"), net, || self.ended().ok_or_else(|| "it runs".to_owned()));
        // A grandchild may hold the pipes open, so this is bounded too, and no failure.
        let lines = self.output.lines();
        let all = |lines: &mut Lines| lines.open > 0;
        drop(self.output.changed.wait_timeout_while(lines, Duration::from_secs(2), all));
        status
    }

    /// Whether it has set a handler for a signal, so that the signal does not end it any more.
    pub fn handles(&self, signal: Signal) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        caught & (1 << (signal.as_raw() - 1)) != 0
    }

    /// The CPU time that it has used so far, in user and kernel mode.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(&stat(self.id()))
    }

    /// The processes that it has started and that have not ended, and the CPU time of each.
    pub fn children(&self) -> Vec<(u32, Duration)> {
        let entries = fs::read_dir("/proc").expect("there is /proc").flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let stats = ids.map(|id| (id, stat(id)));
        let ours = stats.filter(|(_, stat)| stat.get(1).is_some_and(|parent| *parent == self.id().to_string()));
        ours.map(|(id, stat)| (id, cpu_time(&stat))).collect()
    }

    /// The bytes of its memory that are resident.
    pub fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most bytes of its memory that ever were resident.
    pub fn resident_bytes_max(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, what: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kib = line.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0);
        kib << 10
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.exit.is_none() {
            self.exit = self.child.try_wait().expect("a child can be waited for");
        }
        self.exit
    }

    /// Sends a signal, unless the process has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            kill_process(Pid::from_child(&self.child), signal)
                .expect("a child that is not waited for yet can be signalled");
        }
    }

    /// SIGKILL, as in `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        if self.exit.is_none() {
            self.exit = Some(self.child.wait().expect("a child can be waited for"));
        }
    }

    /// SIGSTOP: the process stands still and knows nothing of it.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// What it wrote to stdout so far.
    pub fn stdout(&self) -> String {
        self.output.text(Stream::Out)
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        self.output.text(Stream::Err)
    }

    /// The last lines of both, for a failure's text.
    pub fn tail(&self) -> String {
        let lines = self.output.lines();
        let from = lines.all.len().saturating_sub(SHOWN);
        let mut text =
            format!("--- {} (last {} of {} lines)\n", self.name, lines.all.len() - from, lines.all.len());
        for line in &lines.all[from..] {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the test runner shows it with the failed test")]
            {
                eprintln!("{}", self.tail());
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Stream {
    Out,
    Err,
}

struct Line {
    stream: Stream,
    text: String,
}

#[derive(Default)]
struct Lines {
    all: Vec<Line>,
    /// How many of the two streams are not at their end.
    open: u8,
}

#[derive(Default)]
struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

impl Output {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self, stream: Stream) -> String {
        self.lines().all.iter().filter(|line| line.stream == stream).map(|line| line.text.clone() + "\n").collect()
    }

    fn read(self: &Arc<Self>, stream: Stream, pipe: impl Read + Send + 'static) {
        self.lines().open += 1;
        let output = Arc::clone(self);
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                output.lines().all.push(Line { stream, text });
                output.changed.notify_all();
                line.clear();
            }
            output.lines().open -= 1;
            output.changed.notify_all();
        });
    }
}

type Birth = (Command, Sender<io::Result<Child>>);

/// Starts a child that the kernel kills when this process dies, however it dies. Linux ties that to the *thread* that
/// forked, so one thread that lives as long as the process does it for all.
fn spawn_bound(command: Command) -> io::Result<Child> {
    static NURSERY: LazyLock<Sender<Birth>> = LazyLock::new(|| {
        let (births, requests) = channel::<Birth>();
        let deliver = move || {
            for (mut command, reply) in requests {
                let _ = reply.send(bind_to(getpid(), &mut command).spawn());
            }
        };
        thread::Builder::new().name("nursery".to_owned()).spawn(deliver).expect("a thread can be started");
        births
    });
    let (reply, child) = channel();
    NURSERY.send((command, reply)).expect("the nursery lives as long as the process");
    child.recv().expect("the nursery answers every request")
}

fn bind_to(parent: Pid, command: &mut Command) -> &mut Command {
    let bind = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: between fork and exec only two system calls are made; nothing is allocated, no lock is taken.
    unsafe { command.pre_exec(bind) }
}

/// What the system says of a process, behind its name, which may hold spaces and parentheses: see proc_pid_stat(5).
fn stat(id: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().map(str::to_owned).collect()
}

/// The CPU time of a process, which its line has in hundredths of a second.
fn cpu_time(stat: &[String]) -> Duration {
    let ticks: u64 = stat.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}
