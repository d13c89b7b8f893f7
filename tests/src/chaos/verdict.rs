//! The verdict: every view must be what an independent fold of the acknowledged events says. The events are read back as any
//! consumer reads them, so that it is sure that the log holds just what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};

use super::record::{Appended, Pages};
use crate::bank::BankViews;
use crate::event::Event;
use crate::redis_server::RedisServer;
use crate::{ledger, view};

/// No reply for so long: the broker is away although nothing is injected any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an event is told by: its partition and its offset.
type Place = (u32, u64);

/// What stands in a log.
pub struct Log {
    /// All its events, each partition in its order.
    pub events: Vec<Appended>,
}

impl Log {
    /// Reads a topic as a consumer reads it who sees nothing of aborted transactions.
    pub fn read(servers: &str, topic: &str, partitions: u32) -> Result<Log, String> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", format!("{topic}-verdict"))
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("enable.auto.commit", "false")
            .create()
            .map_err(|error| error.to_string())?;
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions as i32 {
            all.add_partition_offset(topic, partition, Offset::Beginning).map_err(|error| error.to_string())?;
        }
        consumer.assign(&all).map_err(|error| error.to_string())?;
        let (mut events, mut ended) = (Vec::new(), BTreeSet::new());
        while ended.len() < partitions as usize {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    let event = Event {
                        partition: message.partition() as u32,
                        timestamp: message.timestamp().to_millis().unwrap_or_default(),
                        key: message.key().map(<[u8]>::to_vec),
                        headers: Vec::new(),
                        payload: message.payload().map(<[u8]>::to_vec),
                    };
                    events.push(Appended { offset: message.offset() as u64, event: Arc::new(event) });
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => _ = ended.insert(partition),
                Some(Err(error)) => return Err(format!("the log can't be read back: {error}")),
                None => return Err(format!("the log can't be read back: no reply in {PATIENCE:?}")),
            }
        }
        events.sort_by_key(place);
        Ok(Log { events })
    }

    /// Of each partition, the offset behind the last event.
    pub fn ends(&self) -> BTreeMap<u32, u64> {
        // In their order, so the last one stays.
        self.events.iter().map(|appended| (appended.event.partition, appended.offset + 1)).collect()
    }

    /// How the log differs from what the producers know: then not Lantern is at fault, and no verdict is possible.
    pub fn differences(&self, pages: &Pages) -> Vec<String> {
        let log: BTreeMap<Place, &Event> = self.events.iter().map(|one| (place(one), &*one.event)).collect();
        let sure: BTreeSet<Place> = pages.sure.iter().map(place).collect();
        let mut wrong = Vec::new();
        let lost = pages.sure.iter().filter(|one| log.get(&place(one)) != Some(&&*one.event)).count();
        let aborted = pages.aborted.iter().filter(|one| log.contains_key(&place(one))).count();
        let mut known = sure;
        for transaction in &pages.unsure {
            let there: Vec<Place> = transaction.iter().map(place).filter(|at| log.contains_key(at)).collect();
            if !there.is_empty() && there.len() < transaction.len() {
                wrong.push(format!(
                    "the log has {} of {} events of a transaction",
                    there.len(),
                    transaction.len()
                ));
            }
            known.extend(there);
        }
        for (at, event) in log.iter().filter(|(at, _)| !known.contains(at)) {
            let twin = log.iter().find(|(other, twin)| *other != at && *twin == event).map(|(other, _)| other);
            wrong.push(format!("{at:?} is in the log but not acknowledged; the same is at {twin:?}"));
        }
        for (count, what) in [(lost, "acknowledged are not in the log"), (aborted, "aborted are in the log")] {
            if count > 0 {
                wrong.push(format!("{count} events {what}"));
            }
        }
        wrong
    }

    /// How the views differ from the fold of these events. `balances` is of this revision.
    pub fn compare(&self, redis: &RedisServer, revision: u64) -> Vec<String> {
        let events: Vec<Event> = self.events.iter().map(|appended| (*appended.event).clone()).collect();
        let views = BankViews::fold(&events);
        let views = if revision == 2 { views.revised("EUR") } else { views };
        let parse = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
        let links = redis.hash("chain:links").iter().map(|(id, text)| (id.clone(), parse(text))).collect();
        let verdicts = [
            views.balances_hold(redis),
            view::same("chain:links", &self.links(), &links),
            ledger::is_right(redis, &events, ""),
        ];
        verdicts.into_iter().filter_map(Result::err).collect()
    }

    /// What the `chain` plugin must have come to.
    fn links(&self) -> BTreeMap<String, Value> {
        let mut links: BTreeMap<u32, (u64, u64, String)> = BTreeMap::new();
        for Appended { offset, event } in &self.events {
            let (events, newest, hash) = links.entry(event.partition).or_default();
            let mut bytes = std::mem::take(hash).into_bytes();
            bytes.extend(offset.to_le_bytes());
            bytes.extend(event.key.iter().chain(&event.payload).flatten());
            (*events, *newest, *hash) = (*events + 1, *offset, format!("{:016x}", fnv1a(&bytes)));
        }
        let link = |(events, newest, hash)| json!({ "events": events, "newest": newest, "hash": hash });
        links.into_iter().map(|(partition, state)| (partition.to_string(), link(state))).collect()
    }
}

fn place(appended: &Appended) -> Place {
    (appended.event.partition, appended.offset)
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    fn appended(offset: u64, payload: &str) -> Appended {
        Appended { offset, event: Arc::new(Event::plain(0, payload)) }
    }

    fn log() -> Log {
        Log { events: vec![appended(0, "a"), appended(1, "b"), appended(3, "c")] }
    }

    #[test]
    fn a_chain_feels_every_mistake() {
        let right = log().links();
        let mut swapped = log();
        swapped.events.swap(0, 1);
        let mut doubled = log();
        doubled.events.insert(1, appended(0, "a"));
        let mut lost = log();
        lost.events.remove(0);
        for wrong in [swapped, doubled, lost] {
            assert_ne!(wrong.links()["0"]["hash"], right["0"]["hash"]);
        }
    }

    #[test]
    fn the_log_must_hold_what_was_acknowledged_and_nothing_else() {
        let pages = |sure: &[Appended], aborted: &[Appended], unsure: &[Appended]| Pages {
            sure: sure.to_vec(),
            aborted: aborted.to_vec(),
            unsure: vec![unsure.to_vec()],
            ..Pages::default()
        };
        let [a, b, c] = <[Appended; 3]>::try_from(log().events).expect("there are three");
        let right = pages(slice::from_ref(&a), &[appended(2, "x")], &[b.clone(), c.clone()]);
        assert_eq!(log().differences(&right), [""; 0]);
        let all = [a.clone(), b.clone(), c.clone()];
        let wrong = [
            (
                pages(&[a.clone(), b.clone()], &[], &[]),
                "(0, 3) is in the log but not acknowledged; the same is at None",
            ),
            (pages(&all, slice::from_ref(&c), &[]), "1 events aborted are in the log"),
            (
                pages(&[all.as_slice(), &[appended(4, "d")]].concat(), &[], &[]),
                "1 events acknowledged are not in the log",
            ),
            (pages(&[a, appended(1, "x"), c.clone()], &[], &[]), "1 events acknowledged are not in the log"),
            (pages(&all, &[], &[c, appended(4, "d")]), "the log has 1 of 2 events of a transaction"),
        ];
        for (pages, difference) in wrong {
            assert_eq!(log().differences(&pages), [difference]);
        }
    }
}
