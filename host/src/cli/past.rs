//! What the commands share that look into a projection's past: its events replayed through its module into memory, up to a
//! point that the user names. Nothing is written anywhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::connect::Connection;
use super::figures::grouped;
use super::operate::{Operator, live};
use super::run::Cache;
use super::{Printer, UserError, history};
use crate::app::{AnySource, Rehearsed, Workshop};
use crate::control::{Deployment, Generation, partition};
use crate::event::TopicPartition;
use crate::lane::{Course, Overlay, chain};
use crate::projection::{Projection, Share};
use crate::replay::{Past, Tally, Until};
use crate::sandbox::Module;
use crate::source::Source;
use crate::store::memory::{Memory, MemoryCells};

/// The first of the milliseconds since 1970 that are taken for such: in 1973.
const MILLISECONDS_MIN: i64 = 100_000_000_000;

/// How often progress is shown.
const EVERY: Duration = Duration::from_millis(100);

/// A point in the past, as the user names it: `TOPIC/PARTITION@OFFSET`, a time, or milliseconds since 1970.
pub(super) fn parse(text: &str) -> Result<Until, String> {
    const FORM: &str = "write a time such as 2026-01-31T12:00:00Z, or TOPIC/PARTITION@OFFSET";
    if let Some((at, offset)) = text.rsplit_once('@') {
        let at = partition(at).ok_or_else(|| format!("`{at}` is no partition; {FORM}"))?;
        let offset = offset.parse().map_err(|_| format!("`{offset}` is no offset; {FORM}"))?;
        return Ok(Until::Event(at, offset));
    }
    if let Ok(milliseconds) = text.parse() {
        // A year is no time, and what has few digits is hardly meant as milliseconds.
        return match milliseconds {
            MILLISECONDS_MIN.. => Ok(Until::Time(milliseconds)),
            _ => Err(format!("{text} milliseconds since 1970 are a moment of that very year; {FORM}")),
        };
    }
    let time = humantime::parse_rfc3339_weak(text).map_err(|_| format!("`{text}` is no time; {FORM}"))?;
    let since = time.duration_since(std::time::UNIX_EPOCH).map_err(|_| "it is before 1970".to_owned())?;
    Ok(Until::Time(i64::try_from(since.as_millis()).map_err(|_| "it is too far away".to_owned())?))
}

/// A deployed projection, and what is needed to play its events again.
pub(super) struct Played {
    pub(super) deployment: Deployment,
    pub(super) projection: Projection,
    source: AnySource,
    course: Course,
    pub(super) bytes: Vec<u8>,
}

impl Played {
    /// The live generation of a projection.
    pub(super) async fn find(operator: &Operator, connection: &Connection, name: &str) -> anyhow::Result<Self> {
        let (snapshot, recorded) = operator.find(name).await?;
        let deployment = recorded.deployment.clone();
        let generation = live(&deployment)?;
        let Some(source) = connection.source(&snapshot) else {
            let message = format!("where the events of projection `{name}` are is not known");
            return Err(UserError::refused(message, "name it with --source, or start a host first").into());
        };
        let bytes = operator.module(name, generation).await?;
        let projection = deployment.projection(deployment.live, generation);
        let course = course(&deployment, generation);
        Ok(Self { projection, source, course, bytes, deployment })
    }

    /// Its module. Blocks while it compiles.
    pub(super) fn module(&self, cache: &Cache) -> anyhow::Result<Rehearsed> {
        let workshop = Workshop::new(cache.dir().as_deref())?;
        let config = self.deployment.live().map(|live| live.config.clone()).unwrap_or_default();
        let module = workshop.rehearse(self.bytes.clone(), &config, &self.deployment.limits);
        Ok(module.map_err(|error| UserError::failure(chain(&error), error.hint()))?)
    }

    /// Replays its events, of all partitions or of one number.
    pub(super) async fn replay<M>(
        &self,
        module: M,
        partition: Option<u32>,
        until: &Until,
        printer: &mut Printer,
    ) -> anyhow::Result<Replayed>
    where
        M: Module<Views = Overlay<MemoryCells>>,
    {
        self.check(until, true, printer).await?;
        self.check_partition(partition, until).await?;
        let replayed = match &self.source {
            AnySource::Kafka(kafka) => self.play(kafka.clone(), module, partition, until).await?,
            AnySource::Log(log) => self.play(log.clone(), module, partition, until).await?,
        };
        if replayed.set_aside > 0 {
            let count = grouped(replayed.set_aside as u64);
            printer.note(format_args!("note: {count} events cannot be applied, or wait behind such: they are left out, also if they were applied by `lantern dead retry`"));
        }
        Ok(replayed)
    }

    /// Where each partition of its topics ends at a point in the past, `topic/partition` to offset. Reads all events up to
    /// there.
    pub(super) async fn ends(
        &self,
        until: &Until,
        from_earliest: bool,
        printer: &mut Printer,
    ) -> anyhow::Result<BTreeMap<String, u64>> {
        self.check(until, from_earliest, printer).await?;
        match &self.source {
            AnySource::Kafka(kafka) => self.scan(kafka.clone(), until).await,
            AnySource::Log(log) => self.scan(log.clone(), until).await,
        }
    }

    /// Says what of its history is gone. The event that the past is to end with must be there.
    async fn check(&self, until: &Until, from_earliest: bool, printer: &mut Printer) -> Result<(), UserError> {
        let topics: Vec<String> = self.projection.topics.iter().map(|topic| topic.to_string()).collect();
        if let Until::Event(at, offset) = until {
            self.check_event(at, *offset, &topics).await?;
        }
        let history = history::check(Some(&self.source), &topics, from_earliest).await?;
        if let Some(lack) = history.and_then(|history| history.lack()) {
            printer.note(format_args!("note: {lack}"));
        }
        Ok(())
    }

    /// What is to be replayed must be there, and lead to the point.
    async fn check_partition(&self, partition: Option<u32>, until: &Until) -> Result<(), UserError> {
        let Some(partition) = partition else { return Ok(()) };
        if let Until::Event(at, _) = until
            && at.partition != partition
        {
            let message =
                format!("partition {partition} is to be replayed, up to an event of partition {}", at.partition);
            return Err(UserError::usage(message, "name the event's own partition, or leave --partition out"));
        }
        for topic in &*self.projection.topics {
            self.check_number(topic, partition).await?;
        }
        Ok(())
    }

    async fn check_number(&self, topic: &str, partition: u32) -> Result<(), UserError> {
        let count = self.source.partitions(topic).await.map_err(|error| history::failure(&error))?;
        if partition >= count {
            let message = format!("topic `{topic}` has no partition {partition}");
            return Err(UserError::usage(message, format!("it has 0 to {}", count.saturating_sub(1))));
        }
        Ok(())
    }

    async fn check_event(&self, at: &TopicPartition, offset: u64, topics: &[String]) -> Result<(), UserError> {
        if !topics.iter().any(|topic| **topic == *at.topic) {
            let message = format!("projection `{}` does not read topic `{}`", self.deployment.name, at.topic);
            return Err(UserError::usage(message, format!("it reads {}", topics.join(", "))));
        }
        self.check_number(&at.topic, at.partition).await?;
        let bounds = self.source.bounds(at).await.map_err(|error| history::failure(&error))?;
        if !(bounds.first..bounds.end).contains(&offset) {
            let message = format!("{at} has no offset {offset}");
            let hint = match bounds.end.checked_sub(1).filter(|last| bounds.first <= *last) {
                Some(last) => format!("it has {} to {last}", bounds.first),
                None => "it has no events".to_owned(),
            };
            return Err(UserError::usage(message, hint));
        }
        Ok(())
    }

    async fn scan<S: Source>(&self, source: S, until: &Until) -> anyhow::Result<BTreeMap<String, u64>> {
        let past = self.past(source, None, until).await?;
        let bar = Bar::new(&format!("reading the topics of {}", self.deployment.name), past.total())?;
        let ends = tokio::select! {
            ends = past.ends() => ends.map_err(|error| history::failure(&error))?,
            () = bar.follow(past.tally()) => unreachable!("it is shown for as long as it is watched"),
        };
        bar.end();
        Ok(ends.into_iter().map(|(at, end)| (at.to_string(), end)).collect())
    }

    async fn play<S, M>(
        &self,
        source: S,
        module: M,
        partition: Option<u32>,
        until: &Until,
    ) -> anyhow::Result<Replayed>
    where
        S: Source,
        M: Module<Views = Overlay<MemoryCells>>,
    {
        let past = self.past(source, partition, until).await?;
        let bar = Bar::new(&format!("replaying {}", self.deployment.name), past.total())?;
        let replayed = tokio::select! {
            replayed = past.replay(&self.projection, module, self.course.clone()) => replayed,
            () = bar.follow(past.tally()) => unreachable!("it is shown for as long as it is watched"),
        };
        bar.end();
        let (memory, fault) = replayed;
        let letters = memory.letters(&self.projection.name, self.projection.generation, &Share::Whole.to_string());
        let stopped = fault.map(|fault| {
            let message = format!("the replay stopped: {}", chain(&fault));
            let hint = "the projection stops there too, unless it is deployed with --on-error park or skip";
            UserError::failure(message, hint)
        });
        Ok(Replayed { memory, events: past.tally().given(), set_aside: letters.all.len(), stopped })
    }

    /// Its history up to a point; not beyond the one that it shows itself, if it shows a point in the past.
    async fn past<S: Source>(
        &self,
        source: S,
        partition: Option<u32>,
        until: &Until,
    ) -> Result<Past<S>, UserError> {
        let ends = offsets(&self.deployment.as_of);
        let past = Past::new(source, &self.projection, partition, until.clone(), &ends).await;
        past.map_err(|error| history::failure(&error))
    }
}

/// What has come of a replay.
pub(super) struct Replayed {
    pub(super) memory: Memory,
    /// Events that it has met.
    pub(super) events: u64,
    /// Those of them that are set aside.
    set_aside: usize,
    /// Why it could not go on, if it could not.
    pub(super) stopped: Option<UserError>,
}

/// How far a reader of the past has come, where somebody sees it.
struct Bar(ProgressBar);

impl Bar {
    fn new(what: &str, total: u64) -> anyhow::Result<Self> {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(total) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("{prefix}  {bar:24}  {msg}")?);
        Ok(Self(bar.with_prefix(what.to_owned())))
    }

    async fn follow(&self, tally: &Tally) {
        loop {
            self.0.set_position(tally.read());
            let total = self.0.length().unwrap_or(0);
            self.0.set_message(format!("{} of {} events", grouped(tally.read()), grouped(total)));
            tokio::time::sleep(EVERY).await;
        }
    }

    fn end(self) {
        self.0.finish_and_clear();
    }
}

/// What the projection's own lanes are told.
fn course(deployment: &Deployment, generation: &Generation) -> Course {
    let ids = generation.topic_ids.iter().map(|(topic, id)| (topic.as_str().into(), id.as_str().into()));
    Course {
        ids: ids.collect(),
        starts: offsets(&generation.starts),
        until: None,
        rate: None,
        // There is one lane in place of many.
        parked_max: usize::MAX,
        policy: deployment.on_error.into(),
    }
}

/// Offsets as a record has them.
fn offsets(recorded: &BTreeMap<String, u64>) -> BTreeMap<TopicPartition, u64> {
    recorded.iter().filter_map(|(at, offset)| Some((partition(at)?, *offset))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_the_past_has_two_forms() {
        assert_eq!(parse("1970-01-01T00:00:01.5Z"), Ok(Until::Time(1_500)));
        assert_eq!(parse("1970-01-01 00:00:01"), Ok(Until::Time(1_000)));
        assert_eq!(parse("1700000000000"), Ok(Until::Time(1_700_000_000_000)));
        assert_eq!(parse("a.b/3@17"), Ok(Until::Event(TopicPartition::new("a.b", 3), 17)));
        let faults = ["yesterday", "a@1", "a/1@x", "2026"].map(|text| parse(text).unwrap_err());
        let form = "write a time such as 2026-01-31T12:00:00Z, or TOPIC/PARTITION@OFFSET";
        assert_eq!(
            faults,
            [
                format!("`yesterday` is no time; {form}"),
                format!("`a` is no partition; {form}"),
                format!("`x` is no offset; {form}"),
                format!("2026 milliseconds since 1970 are a moment of that very year; {form}"),
            ]
        );
    }
}
