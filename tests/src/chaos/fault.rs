//! What can go wrong, and in which order it does: a round has every fault some times, shuffled.

use std::time::Duration;

use crate::random::Random;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL of a host, and another start.
    Kill,
    /// SIGTERM to a host, which must end well, and another start.
    Stop,
    /// SIGSTOP of a host beyond its session, and SIGCONT: it believes that it is what it was.
    Zombie,
    /// Redis is killed and comes back with its data.
    RedisRestart,
    /// Redis is killed and comes back with nothing.
    RedisEmpty,
    /// The same, and a host that is new finds it empty before those that know what was deployed.
    RedisNew,
    /// Redis loses everything while everybody is connected.
    RedisFlush,
    /// A replica that lags takes the master's place: acknowledged writes are lost.
    Failover,
    /// The same, but for a while both are masters.
    SplitFailover,
    /// Kafka is killed and comes back with its data.
    BrokerRestart,
    /// Connections to Redis are cut, whatever is on its way.
    RedisCut,
    /// Redis executes what it is told, but its replies are lost.
    RedisRepliesLost,
    /// Redis is slow to reach.
    RedisSlow,
    /// Redis is not heard of; then everything arrives, late.
    RedisHeld,
    /// Connections to Kafka are cut.
    KafkaCut,
    /// Kafka is slow to reach.
    KafkaSlow,
    /// Kafka is not heard of; then everything arrives, late.
    KafkaHeld,
}

/// Every kind, and how many there are of it in a round of a long run.
const ROUND: [(Fault, usize); 17] = [
    (Fault::Kill, 6),
    (Fault::Stop, 1),
    (Fault::Zombie, 2),
    (Fault::RedisRestart, 1),
    (Fault::RedisEmpty, 1),
    (Fault::RedisNew, 1),
    (Fault::RedisFlush, 1),
    (Fault::Failover, 1),
    (Fault::SplitFailover, 1),
    (Fault::BrokerRestart, 1),
    (Fault::RedisCut, 1),
    (Fault::RedisRepliesLost, 1),
    (Fault::RedisSlow, 1),
    (Fault::RedisHeld, 1),
    (Fault::KafkaCut, 1),
    (Fault::KafkaSlow, 1),
    (Fault::KafkaHeld, 1),
];

/// From the start of one fault of a long run to that of the next, at most, unless it takes longer by itself.
const SLOT: Duration = Duration::from_secs(11);
/// The same in a short run.
const SLOT_SHORT: Duration = Duration::from_secs(5);

/// Half an hour has at least so many of these.
const QUOTAS: [(&str, &[Fault], u32); 5] = [
    ("kills", &[Fault::Kill], 30),
    ("zombie revivals", &[Fault::Zombie], 10),
    ("Redis data losses", &[Fault::RedisEmpty, Fault::RedisNew, Fault::RedisFlush], 5),
    ("broker restarts", &[Fault::BrokerRestart], 5),
    ("connection faults", &Fault::CONNECTION, 20),
];

/// How long a run lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// Faults are injected for so long.
    Minutes(u32),
    /// One fault of each kind.
    OfEach,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Fault; ROUND.len()] = {
        let mut all = [Fault::Kill; ROUND.len()];
        let mut n = 0;
        while n < all.len() {
            all[n] = ROUND[n].0;
            n += 1;
        }
        all
    };

    /// Those between hosts and servers.
    pub const CONNECTION: [Fault; 7] = [
        Fault::RedisCut,
        Fault::RedisRepliesLost,
        Fault::RedisSlow,
        Fault::RedisHeld,
        Fault::KafkaCut,
        Fault::KafkaSlow,
        Fault::KafkaHeld,
    ];

    /// Whether the hosts are the only memory of what was deployed.
    pub fn loses_all(self) -> bool {
        matches!(self, Fault::RedisEmpty | Fault::RedisNew | Fault::RedisFlush)
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Kill => "host killed",
            Fault::Stop => "host stopped",
            Fault::Zombie => "zombie host revived",
            Fault::RedisRestart => "Redis restarted, data kept",
            Fault::RedisEmpty => "Redis restarted, data lost",
            Fault::RedisNew => "Redis lost, found by a new host",
            Fault::RedisFlush => "Redis flushed",
            Fault::Failover => "failover, writes lost",
            Fault::SplitFailover => "failover, two masters",
            Fault::BrokerRestart => "broker restarted",
            Fault::RedisCut => "Redis connections cut",
            Fault::RedisRepliesLost => "Redis replies lost",
            Fault::RedisSlow => "Redis slow to reach",
            Fault::RedisHeld => "Redis out of reach",
            Fault::KafkaCut => "Kafka connections cut",
            Fault::KafkaSlow => "Kafka slow to reach",
            Fault::KafkaHeld => "Kafka out of reach",
        }
    }
}

impl Length {
    /// The faults of a round, in the order in which they are to come.
    pub fn round(self, random: &mut Random) -> Vec<Fault> {
        let times = |count: usize| if self == Length::OfEach { 1 } else { count };
        let mut round: Vec<Fault> =
            ROUND.iter().flat_map(|(fault, count)| std::iter::repeat_n(*fault, times(*count))).collect();
        shuffle(&mut round, random);
        round
    }

    /// From the start of one fault to that of the next, at most.
    pub fn slot(self) -> Duration {
        if self == Length::OfEach { SLOT_SHORT } else { SLOT }
    }

    /// What there was too little of to prove anything.
    pub fn missing(self, count: impl Fn(Fault) -> u32) -> Vec<String> {
        match self {
            Length::OfEach => {
                let never = Fault::ALL.into_iter().filter(|fault| count(*fault) == 0);
                never.map(|fault| format!("it never happened: {}", fault.name())).collect()
            }
            Length::Minutes(minutes) => {
                let few = |(what, kinds, wanted): &(&str, &[Fault], u32)| {
                    let (seen, wanted) =
                        (kinds.iter().map(|kind| count(*kind)).sum::<u32>(), wanted * minutes / 30);
                    (seen < wanted).then(|| format!("{seen} {what} are too few, {wanted} were wanted"))
                };
                QUOTAS.iter().filter_map(few).collect()
            }
        }
    }
}

/// Fisher and Yates.
pub fn shuffle<T>(some: &mut [T], random: &mut Random) {
    for last in (1..some.len()).rev() {
        some.swap(last, random.below(last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_hour_of_slots_has_what_is_wanted() {
        let (length, mut random) = (Length::Minutes(30), Random::new(1));
        // A quarter of the time is left for faults that take longer than their slot.
        let slots = (30.0 * 60.0 * 0.75 / SLOT.as_secs_f64()) as usize;
        let faults: Vec<Fault> =
            std::iter::repeat_with(|| length.round(&mut random)).flatten().take(slots).collect();
        let count = |kind| faults.iter().filter(|fault| **fault == kind).count() as u32;
        assert_eq!(length.missing(count), [""; 0]);
        assert_eq!(length.missing(|_| 0).len(), QUOTAS.len());
    }

    #[test]
    fn a_short_run_has_one_of_each() {
        let mut round = Length::OfEach.round(&mut Random::new(1));
        assert_ne!(round, Fault::ALL);
        round.sort();
        assert_eq!(round, Fault::ALL);
        assert_eq!(
            Length::OfEach.missing(|fault| u32::from(fault != Fault::Kill)),
            ["it never happened: host killed"]
        );
    }
}
