//! Events that keep coming at a steady rate, each stamped with the time when it was sent.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::bank::Bank;
use crate::event::{EPOCH_MS, Event};
use crate::kafka::Kafka;

/// How often some are sent.
const TICK: Duration = Duration::from_millis(10);

/// A thread that appends events until it is told to stop.
pub struct Flow {
    /// Takes how many events are to come at once; closed, it stops the thread.
    bursts: Sender<usize>,
    started: Instant,
    thread: JoinHandle<Vec<Event>>,
}

impl Flow {
    /// Begins to append what happens at a bank to a topic.
    pub fn start(kafka: &'static Kafka, topic: &str, bank: &Bank, per_second: u64) -> Flow {
        let (bursts, wanted) = channel();
        let kafka = kafka.by_another_client();
        let (started, topic) = (Instant::now(), topic.to_owned());
        let mut events = Bank { events: u64::MAX, ..bank.clone() }.events();
        let append = move || {
            let (mut sent, mut at_once) = (Vec::new(), 0);
            loop {
                match wanted.recv_timeout(TICK) {
                    Ok(burst) => at_once += burst,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return sent,
                }
                let due = at_once + (started.elapsed().as_secs_f64() * per_second as f64) as usize;
                let now = now_ms(started);
                let some: Vec<Event> = events.by_ref().take(due - sent.len()).map(|event| event.at(now)).collect();
                kafka.produce(&topic, &some);
                sent.extend(some);
            }
        };
        Flow { bursts, started, thread: thread::spawn(append) }
    }

    /// Lets so many events come at once.
    pub fn burst(&self, events: usize) {
        self.bursts.send(events).expect("the events could be appended");
    }

    /// The present, by the clock that stamps the events.
    pub fn now_ms(&self) -> i64 {
        now_ms(self.started)
    }

    /// Stops, and gives all events that were sent.
    pub fn stop(self) -> Vec<Event> {
        drop(self.bursts);
        self.thread.join().expect("the events could be appended")
    }
}

fn now_ms(started: Instant) -> i64 {
    EPOCH_MS + started.elapsed().as_millis() as i64
}
