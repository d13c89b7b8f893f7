//! What some processes and Redis take for some events: time, CPU time and memory.

use std::time::{Duration, Instant};

use lantern_tests::Process;

use crate::results::{Number, Unit};
use crate::servers::Servers;

/// What had been used when it was started.
pub struct Meter {
    started: Instant,
    own: Duration,
    redis_seconds: f64,
}

/// What was used since.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// How many events it was for.
    pub events: u64,
    /// By the clock.
    pub seconds: f64,
    /// CPU seconds of the processes.
    pub own_seconds: f64,
    /// CPU seconds of Redis.
    pub redis_seconds: f64,
    /// The most memory that the processes ever had, all together, as the kernel counts what is resident.
    pub memory_bytes: f64,
}

impl Meter {
    /// Starts to count.
    pub fn start(servers: &Servers, own: &[&Process]) -> anyhow::Result<Meter> {
        let redis_seconds = servers.redis_seconds()?;
        Ok(Meter { started: Instant::now(), own: cpu_time(own), redis_seconds })
    }

    /// What was used since then for so many events, by the same processes.
    pub fn stop(self, servers: &Servers, own: &[&Process], events: u64) -> anyhow::Result<Cost> {
        Ok(Cost {
            events,
            seconds: self.started.elapsed().as_secs_f64(),
            own_seconds: (cpu_time(own) - self.own).as_secs_f64(),
            redis_seconds: servers.redis_seconds()? - self.redis_seconds,
            memory_bytes: own.iter().map(|process| process.resident_bytes_max() as f64).sum(),
        })
    }
}

fn cpu_time(processes: &[&Process]) -> Duration {
    processes.iter().map(|process| process.cpu_time()).sum()
}

impl Cost {
    /// The rounds as numbers of a row.
    pub fn numbers(costs: &[Cost]) -> Vec<Number> {
        let number = |name, unit, value: &dyn Fn(&Cost) -> f64| Number::new(name, unit, costs.iter().map(value));
        let each = |cost: &Cost, seconds: f64| seconds * 1e6 / cost.events as f64;
        vec![
            number("events/s", Unit::PerSecond, &|cost| cost.events as f64 / cost.seconds),
            number("CPU/event: own", Unit::CpuMicroseconds, &|cost| each(cost, cost.own_seconds)),
            number("Redis", Unit::CpuMicroseconds, &|cost| each(cost, cost.redis_seconds)),
            number("both", Unit::CpuMicroseconds, &|cost| each(cost, cost.own_seconds + cost.redis_seconds)),
            number("memory", Unit::Bytes, &|cost| cost.memory_bytes),
        ]
    }
}
