//! What a run of chaos says at its end.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::{Action, Fault, Outcome};

/// So many findings are shown in full.
const SHOWN: usize = 10;

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:31} {:>5} {:>9} {:>18} {:>18}", "", "times", "measured", "moves again", "caught up")?;
        writeln!(f, "{:31} {:>5} {:>9} {:>18} {:>18}", "", "", "", "median  longest", "median  longest")?;
        for fault in Fault::ALL {
            let calm: Vec<_> = self.recoveries.iter().filter(|r| r.fault == fault && !r.disturbed).collect();
            let moved = middle_and_longest(calm.iter().map(|recovery| recovery.moved).collect());
            let caught_up = middle_and_longest(calm.iter().map(|recovery| recovery.caught_up).collect());
            let (times, name) = (self.injected(fault), fault.name());
            writeln!(f, "{name:31} {times:>5} {:>9} {moved:>18} {caught_up:>18}", calm.len())?;
        }
        let longest = self.recoveries.iter().map(|recovery| recovery.caught_up).max().unwrap_or_default();
        writeln!(f, "longest of all, also where one fault met another: {:.2} s", longest.as_secs_f64())?;
        for action in Action::ALL {
            let (done, tried) = self.done.get(&action).copied().unwrap_or_default();
            writeln!(f, "{:31} {done:>5} of {tried} tried", action.name())?;
        }
        let [sure, committed, aborted, unsure] = self.appended;
        writeln!(
            f,
            "{sure} events acknowledged, {committed} transactions committed, {aborted} events aborted, {unsure} transactions in doubt"
        )?;
        let findings = self.findings();
        let took = self.took.as_secs();
        writeln!(
            f,
            "seed {}, {took} s: {}",
            self.seed,
            match findings.len() {
                0 => "every view equals the fold of the acknowledged events".to_owned(),
                count => format!("{count} findings"),
            }
        )?;
        findings.iter().take(SHOWN).try_for_each(|finding| writeln!(f, "- {finding}"))
    }
}

/// In seconds.
fn middle_and_longest(mut times: Vec<Duration>) -> String {
    times.sort();
    match (times.get(times.len() / 2), times.last()) {
        (Some(middle), Some(longest)) => format!("{:.2}  {:7.2}", middle.as_secs_f64(), longest.as_secs_f64()),
        _ => "-  -".to_owned(),
    }
}
