//! The CPU time of the processes that the benchmark started, as the kernel counts it.

use std::fs;

use anyhow::Context;

/// The unit of `/proc/PID/stat` on Linux, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds that the child process of this name has used so far, in user and kernel mode.
pub fn seconds_of(child: &str) -> anyhow::Result<f64> {
    let stats =
        fs::read_dir("/proc")?.flatten().filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let mut children =
        stats.filter_map(|stat| Stat::parse(&stat)).filter(|stat| stat.parent == std::process::id());
    let stat = children
        .find(|stat| stat.name == child)
        .with_context(|| format!("there is no child process `{child}`"))?;
    Ok(stat.seconds())
}

/// What the kernel says of a process or of a thread.
pub struct Stat {
    /// Its name.
    pub name: String,
    parent: u32,
    ticks: u64,
}

impl Stat {
    /// CPU seconds that it has used so far, in user and kernel mode.
    pub fn seconds(&self) -> f64 {
        self.ticks as f64 / TICKS_PER_SECOND
    }

    /// See proc_pid_stat(5): `pid (name) state ppid …`, where the name may hold spaces and parentheses.
    pub fn parse(stat: &str) -> Option<Stat> {
        let (head, tail) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Stat { name, parent: fields.get(1)?.parse().ok()?, ticks: ticks(11)? + ticks(12)? })
    }
}
