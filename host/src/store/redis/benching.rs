//! What of the store the micro-benchmarks reach: a commit as it goes over the wire, without a server.

use super::keys;
use super::transaction::Target;
use crate::projection::{LaneId, Projection, Share};
use crate::store::Commit;

/// Writes commits of one lane as the session does.
pub struct Encoder {
    projection: Projection,
    id: LaneId,
    lane: String,
    dead: String,
    retry: String,
}

impl Encoder {
    /// For the lane of that share.
    pub fn new(projection: Projection, share: Share) -> Self {
        let id = LaneId { projection: projection.name.clone(), generation: projection.generation, share };
        Self { lane: keys::lane(&id), dead: keys::dead(&id), retry: keys::retry(&id), projection, id }
    }

    /// The bytes that a commit sends.
    pub fn bytes(&self, commit: &Commit) -> Vec<u8> {
        let Self { projection, id, lane, dead, retry } = self;
        let target = Target { projection, id, lane, dead, retry, letter_changes: 0 };
        let (pipeline, _touched) = target.transaction(commit);
        pipeline.get_packed_pipeline()
    }
}
