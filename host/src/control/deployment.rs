//! The record of a projection: what was deployed, and the generations of its views. One record holds it all, so that
//! every step of the control plane is one compare-and-set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::TopicPartition;
use crate::limits;
use crate::projection::{Description, Ordering, Projection, View};

/// Version of the records' format. A record of a later one is refused, never guessed at.
pub const FORMAT: u32 = 1;

/// How long an old generation is kept for `rollback` unless told otherwise.
pub const KEEP_OLD_SECONDS: u64 = 24 * 60 * 60;

/// How many events a lane may have set aside unless told otherwise.
pub const MAX_PARKED: u64 = 10_000;

/// No number of a record is larger, nor a time in milliseconds: all sums of such have room.
const NUMBER_MAX: u64 = 1 << 53;

/// A deployed projection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// [`FORMAT`].
    pub format: u32,
    /// The name it is deployed under.
    pub name: String,
    /// Raised by every change.
    pub version: u64,
    /// Before each view's name in the keys that readers read.
    pub prefix: String,
    /// What becomes of an event that can't be applied.
    pub on_error: OnError,
    /// What the plugin may use, where that is not the default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: limits::Settings,
    /// How many events each of its lanes may have set aside.
    #[serde(default = "max_parked")]
    pub max_parked: u64,
    /// Where the first generation began.
    pub from: Beginning,
    /// Offsets behind which there is nothing for it, `topic/partition` to offset: it shows what was then. Empty for one that
    /// follows its topics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub as_of: BTreeMap<String, u64>,
    /// Whether no lane is to run.
    pub paused: bool,
    /// How often an operator has said `resume`: each time, what could not go on tries again.
    pub resumed: u64,
    /// Whether it is being undeployed: its generations are swept, then the record goes.
    pub removing: bool,
    /// How long an old generation is kept for `rollback`.
    pub keep_old_seconds: u64,
    /// The generation that readers read.
    pub live: u64,
    /// The generation that is becoming the live one, structure by structure. Until it is, no lane of either runs.
    pub moving: Option<u64>,
    /// The highest number that a generation ever had.
    pub last: u64,
    /// The generations, by number.
    pub generations: BTreeMap<u64, Generation>,
}

/// One build of a projection's views.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// What it is at present.
    pub stage: Stage,
    /// Digest of the module that builds it.
    pub module: String,
    /// The module's revision.
    pub revision: u32,
    /// The topics that the module names itself.
    pub declared: Vec<String>,
    /// The topics it reads, in that order.
    pub topics: Vec<String>,
    /// The ids of its topics, by name, as a host first saw them; none of a source that gives none. It never reads a topic
    /// of the same name with another id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub topic_ids: BTreeMap<String, String>,
    /// How its events are cut into lanes.
    pub ordering: Ordering,
    /// Its views. None any more if it is dropped and they are to stay.
    pub views: Vec<View>,
    /// What the operator has set for the plugin.
    pub config: BTreeMap<String, String>,
    /// Where its views stand now: before each view's name.
    pub prefix: String,
    /// When it was begun, in milliseconds since the Unix epoch by Redis's clock.
    pub begun: i64,
    /// When readers ceased to read it, likewise.
    pub retired: Option<i64>,
    /// What building it took, once it has come to the end of its topics or to where the live one was.
    pub built: Option<Built>,
    /// How it was asked to be built, if it is a rebuild.
    pub rebuild: Option<Rebuild>,
    /// Offsets to begin at, `topic/partition` to offset, where that is not the first there is.
    pub starts: BTreeMap<String, u64>,
    /// Offsets to stop at for a comparison, likewise; empty for no such bound.
    pub until: BTreeMap<String, u64>,
    /// Whether its lanes must stand still, for a comparison or while structures move.
    pub frozen: bool,
    /// Why it has failed, or why it is held although nobody asked for that.
    pub finding: Option<String>,
    /// Whether that speaks against promoting it.
    #[serde(default)]
    pub doubt: Option<Doubt>,
    /// Whether it has failed and the keys that it had are removed.
    pub swept: bool,
}

/// What a generation is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Readers read it.
    Live,
    /// It is being built, and becomes the live one by itself.
    Building,
    /// It is built, and follows; an operator promotes or cancels it.
    Held,
    /// Readers have read it; it stands still, and can be rolled back to.
    Old,
    /// It could not be built. Its keys are being removed, then its reason is all that is left.
    Failed,
    /// Its keys are being removed.
    Dropped,
}

/// What speaks against promoting a generation, if it was to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doubt {
    /// It is not like the live one.
    Differs,
    /// There was nothing to compare it with.
    Uncompared,
}

/// How a rebuild is to go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rebuild {
    /// Wait for `promote` instead of cutting over.
    pub hold: bool,
    /// Compare with the live generation at the same offsets before the cutover.
    pub verify: bool,
    /// Move the structures of keyed views in chunks, with readers between them.
    pub chunked: bool,
    /// At most so many events a second, of all lanes together.
    pub rate: Option<u64>,
}

/// What building a generation took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// Events applied, or offsets passed where the log has gaps.
    pub events: u64,
    /// How long that took, in milliseconds.
    pub milliseconds: i64,
}

/// What becomes of an event that can't be applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The projection stops before it.
    #[default]
    Stop,
    /// It is left out, and the log says so.
    Skip,
    /// It is set aside as a dead letter, and later events of its key behind it.
    Park,
}

/// Where a new projection begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Beginning {
    /// At the first event.
    #[default]
    Earliest,
    /// Behind the last event there was when it was deployed.
    Latest,
}

impl Deployment {
    /// Reads a record as it was written. Otherwise says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            format: u32,
        }
        let Versioned { format } = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if format != FORMAT {
            return Err(format!("its format is {format}, and this is version {FORMAT}"));
        }
        let deployment: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        deployment.fault().map_or(Ok(deployment), Err)
    }

    /// What no step leads to, if it is there: so who works on a record need not look.
    fn fault(&self) -> Option<String> {
        let moves = |number: &u64| {
            let stage = self.generations.get(number).map(|generation| generation.stage);
            matches!(stage, Some(Stage::Building | Stage::Held | Stage::Old))
        };
        if self.version.max(self.last).max(self.resumed) > NUMBER_MAX {
            return Some("it counts further than anybody can".to_owned());
        }
        if !self.removing && self.live().is_none_or(|live| live.stage != Stage::Live) {
            return Some(format!("its generation {} is not live", self.live));
        }
        if let Some(moving) = self.moving.filter(|number| !moves(number)) {
            return Some(format!("its generation {moving} can't be moving"));
        }
        self.generations.iter().find_map(|(number, generation)| {
            let fault = generation.fault(*number > self.last)?;
            Some(format!("its generation {number} {fault}"))
        })
    }

    /// The generation that readers read.
    pub fn live(&self) -> Option<&Generation> {
        self.generations.get(&self.live)
    }

    /// The generation that is being built or held, if there is one. There is never more than one.
    pub fn next(&self) -> Option<(u64, &Generation)> {
        let is_next = |stage| matches!(stage, Stage::Building | Stage::Held);
        self.generations.iter().find(|(_, g)| is_next(g.stage)).map(|(number, generation)| (*number, generation))
    }

    /// The generation that `rollback` returns to: the one that was live last.
    pub fn old(&self) -> Option<(u64, &Generation)> {
        let old = self.generations.iter().filter(|(_, g)| g.stage == Stage::Old);
        old.max_by_key(|(number, g)| (g.retired, **number)).map(|(number, generation)| (*number, generation))
    }

    /// A generation whose keys are to be removed, if there is one.
    pub fn to_be_swept(&self) -> Option<u64> {
        self.generations.iter().find(|(_, generation)| generation.is_litter()).map(|(number, _)| *number)
    }

    /// Whether there is nothing to be done for it: it has one generation, which is live and has caught up.
    pub fn is_settled(&self) -> bool {
        let is_live_alone = self.generations.len() == 1 && self.live().is_some_and(|live| live.built.is_some());
        is_live_alone && self.moving.is_none() && !self.removing
    }

    /// Where the views of a generation stand while readers do not read it.
    pub fn hidden_prefix(&self, generation: u64) -> String {
        format!("lantern:views:{}:{generation}:", self.name)
    }

    /// The topics that are not the same to two generations: only one reads them, or there were two of the same name.
    pub fn unlike_topics(&self, one: u64, other: u64) -> Vec<&str> {
        let (Some(one), Some(other)) = (self.generations.get(&one), self.generations.get(&other)) else {
            return Vec::new();
        };
        let is_remade = |topic: &String| match (one.topic_ids.get(topic), other.topic_ids.get(topic)) {
            (Some(id), Some(is)) => id != is,
            _ => false,
        };
        let unlike = one.topics.iter().filter(|topic| !other.topics.contains(topic) || is_remade(topic));
        let added = other.topics.iter().filter(|topic| !one.topics.contains(topic));
        unlike.chain(added).map(String::as_str).collect()
    }

    /// A generation as its lanes are to run it.
    pub fn projection(&self, number: u64, generation: &Generation) -> Projection {
        Projection {
            name: self.name.as_str().into(),
            generation: number,
            begun: generation.begun,
            live: generation.stage == Stage::Live,
            prefix: generation.prefix.as_str().into(),
            topics: generation.topics.iter().map(|topic| topic.as_str().into()).collect(),
            views: generation.views.clone().into(),
            ordering: generation.ordering,
        }
    }
}

impl Generation {
    /// What no step leads to, if it is there.
    fn fault(&self, is_to_come: bool) -> Option<&'static str> {
        let is_time = |time: &i64| time.unsigned_abs() <= NUMBER_MAX;
        if is_to_come {
            Some("is beyond the last one")
        } else if self.topics.is_empty() {
            Some("reads no topic")
        } else if !is_time(&self.begun) || self.retired.is_some_and(|time| !is_time(&time)) {
            Some("has a time that no clock shows")
        } else {
            None
        }
    }

    /// Whether it has keys that are to be removed.
    pub fn is_litter(&self) -> bool {
        self.stage == Stage::Dropped || (self.stage == Stage::Failed && !self.swept)
    }

    /// Whether its lanes are to run, unless the projection is paused.
    pub fn runs(&self) -> bool {
        matches!(self.stage, Stage::Live | Stage::Building | Stage::Held) && !self.frozen
    }

    /// What the module says of itself, as far as the record keeps it.
    pub fn fits(&self, description: &Description) -> bool {
        self.ordering == description.ordering && self.views == description.views
    }
}

fn max_parked() -> u64 {
    MAX_PARKED
}

/// Reads the partition that a record names, such as `orders/3`.
pub fn partition(text: &str) -> Option<TopicPartition> {
    let (topic, partition) = text.rsplit_once('/')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}

impl std::fmt::Display for OnError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            OnError::Stop => "stop",
            OnError::Skip => "skip",
            OnError::Park => "park",
        })
    }
}
