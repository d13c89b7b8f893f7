//! What happens in a run: a plain list of steps, made from a seed. Any steps may be left out, and the rest means the same.

use lantern_tests::random::Random;

/// The most hosts, topics, and partitions of a topic.
pub const HOSTS_MAX: usize = 3;

/// The setting in which the steps happen.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub hosts: usize,
    pub topics: u32,
    pub partitions: u32,
    /// Whether one lane takes all partitions.
    pub global: bool,
    /// Events that a lane applies before it must commit them.
    pub batch: usize,
}

/// A setting, and what happens in it.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub seed: u64,
    pub shape: Shape,
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Events are appended to a partition.
    Append {
        topic: u32,
        partition: u32,
        count: u32,
    },
    /// Time goes by, in milliseconds.
    Wait(u64),
    /// Something goes wrong with the host's next call of that kind.
    Arm {
        host: usize,
        fault: Fault,
    },
    /// A host dies. What it has sent is lost, or arrives so many milliseconds later.
    Kill {
        host: usize,
        late: Option<u64>,
    },
    /// A host is started, unless it runs.
    Start {
        host: usize,
    },
    /// A host is told to stop.
    Stop {
        host: usize,
    },
    /// None of a host's calls get through, nor what it is told, until it thaws: a zombie.
    Freeze {
        host: usize,
    },
    Thaw {
        host: usize,
    },
    /// Each host is given partitions, one bit each: none, some or the same ones as another.
    Assign([u8; HOSTS_MAX]),
    /// The store's state is copied, as to a replica that will lag.
    Keep,
    /// The store goes back to what was copied last.
    GoBack,
    /// The store loses everything.
    Flush,
    StoreAway(bool),
    SourceAway(bool),
    /// Every reader gives so many events of each partition again.
    Repeat(usize),
    /// An operator gives an order.
    Order(Order),
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The host dies when its commit has arrived but not been made.
    CrashBefore,
    /// The host dies when its commit has been made, before it hears of it.
    CrashAfter,
    /// The commit does not arrive.
    Lost,
    /// The commit is made, and the host is told that the store is away.
    ReplyLost,
    /// The commit takes so many milliseconds.
    Slow(u64),
    /// A read of views fails.
    Read,
    /// A change of a record does not arrive.
    ChangeLost,
    /// A change of a record is made, and the host is told that the store is away.
    ChangeReplyLost,
}

/// What an operator wants.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Deploy the module of this revision, in one of several builds.
    Deploy {
        revision: u32,
        build: char,
    },
    Rebuild {
        hold: bool,
        verify: bool,
        chunked: bool,
        slowly: bool,
        in_place: bool,
    },
    Promote,
    Cancel,
    Rollback,
    Pause,
    Resume,
    Undeploy,
    /// Old generations are no longer kept.
    Retire,
}

impl Schedule {
    /// The schedule of a seed.
    pub fn new(seed: u64) -> Schedule {
        let mut random = Random::new(seed);
        let mut one_of = |count: u64| random.below(count);
        let shape = Shape {
            hosts: 2 + one_of(2) as usize,
            topics: 1 + u32::from(one_of(3) == 0),
            partitions: 1 + one_of(3) as u32,
            global: one_of(5) == 0,
            batch: 1 + one_of(4) as usize,
        };
        let mut steps = vec![Step::Order(Order::Deploy { revision: 1, build: 'a' })];
        steps.extend((0..shape.hosts).map(|host| Step::Start { host }));
        steps.push(Step::Assign(shape.shared_out()));
        steps.push(Step::Append { topic: 0, partition: 0, count: 8 });
        steps.push(Step::Wait(30));
        for _ in 0..10 + random.below(25) {
            let step = step(&shape, &mut random);
            let takes_its_time = matches!(step, Step::Order(Order::Deploy { .. } | Order::Rebuild { .. }));
            steps.push(step);
            if takes_its_time && random.below(3) > 0 {
                steps.push(Step::Wait(100 + random.below(700)));
            } else if random.below(3) > 0 {
                steps.push(Step::Wait(wait(&mut random)));
            }
        }
        Schedule { seed, shape, steps }
    }

    /// Only these of its steps.
    pub fn with(&self, kept: &[usize]) -> Schedule {
        Schedule { steps: kept.iter().map(|index| self.steps[*index]).collect(), ..self.clone() }
    }
}

impl Shape {
    /// Each partition on one host.
    pub fn shared_out(&self) -> [u8; HOSTS_MAX] {
        let mut shares = [0; HOSTS_MAX];
        (0..self.partitions).for_each(|partition| shares[partition as usize % self.hosts] |= 1 << partition);
        shares
    }
}

fn wait(random: &mut Random) -> u64 {
    match random.below(20) {
        0..7 => random.below(6),
        7..15 => random.below(60),
        15..19 => random.below(500),
        _ => random.below(3000),
    }
}

fn step(shape: &Shape, random: &mut Random) -> Step {
    let host = random.below(shape.hosts as u64) as usize;
    match random.below(100) {
        0..24 => Step::Append {
            topic: random.below(shape.topics.into()) as u32,
            partition: random.below(shape.partitions.into()) as u32,
            count: 1 + random.below(10) as u32,
        },
        24..42 => Step::Arm { host, fault: fault(random) },
        42..46 => Step::Kill { host, late: (random.below(2) == 0).then(|| random.below(300)) },
        46..51 => Step::Start { host },
        51..53 => Step::Stop { host },
        53..57 => Step::Freeze { host },
        57..62 => Step::Thaw { host },
        62..72 => Step::Assign(std::array::from_fn(|_| random.below(1 << shape.partitions) as u8)),
        72..75 => Step::Keep,
        75..77 => Step::GoBack,
        77 => Step::Flush,
        78 => Step::StoreAway(true),
        79..81 => Step::StoreAway(false),
        81 => Step::SourceAway(true),
        82..84 => Step::SourceAway(false),
        84..88 => Step::Repeat(1 + random.below(6) as usize),
        _ => Step::Order(order(random)),
    }
}

fn fault(random: &mut Random) -> Fault {
    match random.below(12) {
        0 => Fault::CrashBefore,
        1 => Fault::CrashAfter,
        2..4 => Fault::Lost,
        4..6 => Fault::ReplyLost,
        6..9 => Fault::Slow(random.below(400)),
        9 => Fault::Read,
        10 => Fault::ChangeLost,
        _ => Fault::ChangeReplyLost,
    }
}

fn order(random: &mut Random) -> Order {
    let mut coin = || random.below(3) == 0;
    let rebuild =
        Order::Rebuild { hold: coin(), verify: coin(), chunked: coin(), slowly: coin(), in_place: coin() };
    match random.below(20) {
        0..5 => {
            let build = if random.below(2) == 0 { 'a' } else { 'b' };
            Order::Deploy { revision: 1 + random.below(3) as u32, build }
        }
        5..10 => rebuild,
        10..12 => Order::Promote,
        12 => Order::Cancel,
        13..16 => Order::Rollback,
        16 => Order::Pause,
        17 => Order::Resume,
        18 => Order::Undeploy,
        _ => Order::Retire,
    }
}
