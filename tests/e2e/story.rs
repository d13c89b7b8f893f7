//! The stage of most stories: a bank's events in a topic, a Redis of one's own, and `balances` between them.

use std::collections::BTreeMap;

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::event::by_partition;
use lantern_tests::host::Run;
pub use lantern_tests::note;
use lantern_tests::{Event, Host, Kafka, RedisServer, Source, view};

/// A bank whose events are in a topic.
pub struct BankStory {
    pub source: Source,
    pub topic: String,
    pub partitions: u32,
    /// All that was appended so far, in that order.
    pub events: Vec<Event>,
    pub redis: RedisServer,
}

impl BankStory {
    /// All events of the bank stand in a fresh topic, and nothing has read them.
    pub fn told_by(source: Source, bank: &Bank) -> BankStory {
        BankStory::told_in(source, bank.partitions, bank.events().collect())
    }

    /// These events stand in a fresh topic of so many partitions, and nothing has read them.
    pub fn told_in(source: Source, partitions: u32, events: Vec<Event>) -> BankStory {
        let topic = source.topic("account-events", partitions);
        let mut story = BankStory { source, topic, partitions, events: Vec::new(), redis: RedisServer::start() };
        story.append(events);
        story
    }

    /// More happens at the bank.
    pub fn append(&mut self, events: Vec<Event>) {
        self.source.append(&self.topic, &events);
        self.events.extend(events);
    }

    /// `lantern run` with `balances` on this bank.
    pub fn run(&self) -> Run {
        self.run_on(&self.source.url())
    }

    /// The source, with which the group takes a host for dead that was not heard of for a second and a half.
    pub fn url_of_short_sessions(&self) -> String {
        match &self.source {
            Source::Kafka(kafka) => kafka.url() + "?session.timeout.ms=1500&heartbeat.interval.ms=300",
            Source::Log(log) => log.url(),
        }
    }

    /// The same with this `--source`.
    pub fn run_on(&self, source: &str) -> Run {
        Host::run(source, &self.redis).projection("balances", &plugin("balances"), &[&self.topic])
    }

    /// The checkpoints when all is applied.
    pub fn ends(&self) -> BTreeMap<String, u64> {
        let partitions = by_partition(&self.events, self.partitions).into_iter().enumerate();
        let ends =
            partitions.map(|(partition, events)| (format!("{}/{partition}", self.topic), events.len() as u64));
        ends.collect()
    }

    /// Passes if a projection has applied all there is.
    pub fn caught_up(&self, projection: &str) -> Result<(), String> {
        view::same("checkpoints", &self.ends(), &self.redis.checkpoints(projection))
    }

    /// Passes if a projection has got over so many events, but not over all.
    pub fn is_past(&self, moment: u64) -> Result<u64, String> {
        let progress = self.redis.progress("balances");
        if progress > moment {
            Ok(progress)
        } else {
            Err(format!("{progress} of {} events are applied", self.events.len()))
        }
    }

    /// Waits until `balances` has applied all there is; then its views must be exact.
    #[track_caller]
    pub fn expect_exact(&self, host: &mut Host) {
        host.until("balances has caught up", || self.caught_up("balances"));
        self.expect_views(&self.events);
    }

    /// The views must hold just what the checkpoints beside them say: neither less nor more.
    #[track_caller]
    pub fn expect_views_at_checkpoint(&self) {
        loop {
            let before = self.redis.checkpoints("balances");
            let held = BankViews::fold(self.applied()).balances_hold(&self.redis);
            // A commit that a killed host had sent may have come meanwhile.
            if self.redis.checkpoints("balances") == before {
                return held.unwrap_or_else(|difference| panic!("{difference}"));
            }
        }
    }

    /// The events that `balances` has applied, as readers see it.
    pub fn applied(&self) -> impl Iterator<Item = &Event> {
        let checkpoints = self.redis.checkpoints("balances");
        let applied =
            move |partition: usize| checkpoints.get(&format!("{}/{partition}", self.topic)).copied().unwrap_or(0);
        let partitions = by_partition(&self.events, self.partitions).into_iter().enumerate();
        partitions.flat_map(move |(partition, events)| events.into_iter().take(applied(partition) as usize))
    }

    #[track_caller]
    pub fn expect_views<'a>(&self, events: impl IntoIterator<Item = &'a Event>) {
        if let Err(difference) = BankViews::fold(events).balances_hold(&self.redis) {
            panic!("{difference}");
        }
    }
}

/// The shared Kafka, for stories that only a real one can tell.
pub fn real_kafka() -> Option<&'static Kafka> {
    let kafka = Some(Kafka::shared()).filter(|kafka| kafka.is_real());
    if kafka.is_none() {
        note("not run: this needs a real Kafka");
    }
    kafka
}
