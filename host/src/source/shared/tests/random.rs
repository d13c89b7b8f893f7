//! Any order of things: whatever happens when, every lane is given every event of its partitions once and in order.

use std::time::Duration;

use super::lane::{LONG, Lane, MANY};
use super::script::Script;
use crate::event::BatchLimits;
use crate::source::shared::Shared;

/// A stream of numbers from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

struct Play {
    random: Random,
    script: Script,
    lanes: Vec<Lane>,
    /// The last offset and time of each partition.
    last: [(u64, i64); 2],
}

impl Play {
    async fn new(seed: u64) -> Play {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let script = if random.below(2) == 0 { Script::default() } else { Script::default().with_rest() };
        // From a ring that holds next to nothing to one that holds all.
        let shared = Shared::new(script.clone(), [500, 4_000, 50_000, 1 << 20][random.below(4) as usize]);
        let mut lanes = Vec::new();
        for topic in 0..2 + random.below(4) as u32 {
            let partitions: &[u32] = [&[0][..], &[1], &[0, 1], &[1, 0]][random.below(4) as usize];
            lanes.push(Lane::open(&shared, topic, partitions).await);
        }
        Play { random, script, lanes, last: [(0, 0); 2] }
    }

    /// Some events at the end of a partition, with gaps.
    fn append(&mut self) {
        let partition = self.random.below(2) as usize;
        for _ in 0..self.random.below(40) {
            let (offset, time) = self.last[partition];
            let gap = [1, 1, 1, 2, 7][self.random.below(5) as usize];
            self.last[partition] = (offset + gap, time + self.random.below(3) as i64);
            self.script.append(partition as u32, [self.last[partition]]);
        }
    }

    async fn step(&mut self) {
        let index = self.random.below(self.lanes.len() as u64) as usize;
        match self.random.below(100) {
            0..25 => self.append(),
            25..85 => {
                // Often too short for what is under way: then `ready` is dropped in the midst of it.
                let patience = [0, 1, 2, 60, 2_000][self.random.below(5) as usize];
                let limits = BatchLimits { events_max: 1 + self.random.below(30) as usize, ..MANY };
                if self.lanes[index].take(Duration::from_millis(patience), &limits).await.is_err() {
                    while self.lanes[index].restart().await.is_err() {
                        self.script.set_away(false);
                    }
                }
            }
            85..88 => self.script.break_readers(),
            88..90 => self.script.set_away(true),
            90..94 => self.script.set_away(false),
            94..97 => {
                while self.lanes[index].restart().await.is_err() {
                    self.script.set_away(false);
                }
            }
            _ => tokio::time::advance(Duration::from_millis(self.random.below(1500))).await,
        }
    }

    async fn finish(&mut self) {
        self.script.set_away(false);
        for lane in &mut self.lanes {
            loop {
                match lane.take(LONG, &MANY).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => lane.restart().await.unwrap(),
                }
            }
            for &partition in &lane.partitions {
                assert_eq!(lane.seen(partition), self.script.offsets(partition));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_lane_is_given_every_event_once_and_in_order() {
    let mut shared = 0;
    for seed in 0..300 {
        let mut play = Play::new(seed).await;
        for _ in 0..200 {
            play.step().await;
        }
        play.finish().await;
        let usage = play.lanes[0].shared.usage();
        assert_eq!(
            usage.subscriptions,
            play.lanes.iter().map(|lane| lane.partitions.len()).sum::<usize>(),
            "{seed}"
        );
        shared += usage.feeds;
        play.lanes.clear();
    }
    assert!(shared > 300);
}
