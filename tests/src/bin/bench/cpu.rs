//! The CPU time of threads, as the kernel counts it.

/// The unit of `/proc/PID/stat` on Linux, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the kernel says of a thread.
pub struct Stat {
    /// Its name.
    pub name: String,
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
        Some(Stat { name, ticks: ticks(11)? + ticks(12)? })
    }
}
