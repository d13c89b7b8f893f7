//! In which steps events are played. Pure functions.

/// One step of a play: a lane takes some events, as one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index of the lane.
    pub lane: usize,
    /// How many events it takes.
    pub events: usize,
    /// Whether its instance is dropped then, and a fresh one goes on.
    pub is_last_of_instance: bool,
}

/// A way to play events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// One lane after the other, in batches of so many events.
    Batches(usize),
    /// One lane after the other, with a fresh instance for each event.
    Fresh,
    /// One lane after the other, event by event, with instances dropped at random.
    Drops(u64),
    /// The last lane first, event by event.
    Backwards,
    /// Event by event, by their times.
    ByTime,
    /// Lanes take turns at random.
    Turns(u64),
}

/// Of so many events, an instance is dropped after one.
const DROPS: u64 = 8;
/// Most events of a turn.
const TURN_MAX: u64 = 20;

impl Schedule {
    /// Whether it plays the lanes in another order than one after the other.
    pub fn interleaves(self) -> bool {
        matches!(self, Schedule::Backwards | Schedule::ByTime | Schedule::Turns(_))
    }

    /// The steps in which so many events of each lane are played. `by_time` has at least these, in the order of their times.
    pub fn steps(self, lengths: &[usize], by_time: &[usize]) -> Vec<Step> {
        let lanes = 0..lengths.len();
        match self {
            Schedule::Batches(size) => lanes.flat_map(|lane| batches(lane, lengths[lane], size)).collect(),
            Schedule::Fresh => {
                let steps = lanes.flat_map(|lane| batches(lane, lengths[lane], 1));
                steps.map(|step| Step { is_last_of_instance: true, ..step }).collect()
            }
            Schedule::Drops(seed) => {
                let mut random = Random(seed);
                let mut drops =
                    |step: Step| Step { is_last_of_instance: random.next().is_multiple_of(DROPS), ..step };
                lanes.flat_map(|lane| batches(lane, lengths[lane], 1)).map(&mut drops).collect()
            }
            Schedule::Backwards => lanes.rev().flat_map(|lane| batches(lane, lengths[lane], 1)).collect(),
            Schedule::ByTime => {
                let mut left = lengths.to_vec();
                let mut is_left = |lane: &usize| {
                    let is_left = left[*lane] > 0;
                    left[*lane] = left[*lane].saturating_sub(1);
                    is_left
                };
                by_time.iter().copied().filter(|lane| is_left(lane)).map(|lane| step(lane, 1)).collect()
            }
            Schedule::Turns(seed) => turns(lengths, seed),
        }
    }
}

fn step(lane: usize, events: usize) -> Step {
    Step { lane, events, is_last_of_instance: false }
}

fn batches(lane: usize, events: usize, size: usize) -> impl Iterator<Item = Step> {
    (0..events).step_by(size).map(move |start| step(lane, size.min(events - start)))
}

fn turns(lengths: &[usize], seed: u64) -> Vec<Step> {
    let mut random = Random(seed);
    let mut left: Vec<(usize, usize)> =
        lengths.iter().copied().enumerate().filter(|(_, events)| *events > 0).collect();
    let mut steps = Vec::new();
    while !left.is_empty() {
        let index = (random.next() % left.len() as u64) as usize;
        let (lane, events) = left[index];
        let turn = events.min((1 + random.next() % TURN_MAX) as usize);
        steps.push(step(lane, turn));
        if turn == events {
            left.swap_remove(index);
        } else {
            left[index].1 -= turn;
        }
    }
    steps
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(steps: &[Step]) -> Vec<(usize, usize)> {
        steps.iter().map(|step| (step.lane, step.events)).collect()
    }

    #[test]
    fn a_lane_is_cut_into_batches() {
        let steps = Schedule::Batches(2).steps(&[3, 0, 2], &[]);
        assert_eq!(shown(&steps), [(0, 2), (0, 1), (2, 2)]);
        assert_eq!(shown(&Schedule::Backwards.steps(&[2, 1], &[])), [(1, 1), (0, 1), (0, 1)]);
    }

    #[test]
    fn by_time_takes_the_first_ones_of_each_lane() {
        let steps = Schedule::ByTime.steps(&[1, 2], &[1, 0, 0, 1, 1]);
        assert_eq!(shown(&steps), [(1, 1), (0, 1), (1, 1)]);
    }

    #[test]
    fn chance_leaves_nothing_out_and_is_the_same_again() {
        let lengths = [50, 0, 7, 130];
        let steps = Schedule::Turns(7).steps(&lengths, &[]);
        let sum =
            |lane: usize| steps.iter().filter(|step| step.lane == lane).map(|step| step.events).sum::<usize>();
        assert_eq!([0, 1, 2, 3].map(sum), lengths);
        assert_eq!(steps, Schedule::Turns(7).steps(&lengths, &[]));
        assert_ne!(steps, Schedule::Turns(8).steps(&lengths, &[]));
        let drops = Schedule::Drops(7).steps(&lengths, &[]);
        let dropped = drops.iter().filter(|step| step.is_last_of_instance).count();
        assert!((10..40).contains(&dropped), "{dropped}");
        // A shorter play begins as the longer one does.
        assert_eq!(Schedule::Drops(7).steps(&[20], &[]), drops[..20]);
    }
}
