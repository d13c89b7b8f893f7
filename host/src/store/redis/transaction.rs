//! A commit as the commands of one transaction. Nothing here talks to a server.

use std::collections::BTreeMap;

use redis::{Cmd, Pipeline, cmd};

use super::commands::Touched;
use super::lane::format_mark;
use super::{commands, keys, letters};
use crate::projection::{LaneId, Projection};
use crate::store::Commit;

/// Where a lane's commits go.
pub(super) struct Target<'a> {
    pub(super) projection: &'a Projection,
    pub(super) id: &'a LaneId,
    /// The key of the lane's hash.
    pub(super) lane: &'a str,
    /// The keys of its dead letters, and of those that are to be tried again.
    pub(super) dead: &'a str,
    pub(super) retry: &'a str,
    /// How many commits and settlements have changed its dead letters.
    pub(super) letter_changes: u64,
}

/// Watches the lane's hash, then reads it.
pub(super) fn watch(pipeline: &mut Pipeline, lane: &str) {
    pipeline.cmd("WATCH").arg(lane);
    pipeline.cmd("HGETALL").arg(lane);
}

impl Target<'_> {
    /// The transaction, with the next watch behind it; and the keys of its commands.
    pub(super) fn transaction(&self, commit: &Commit) -> (Pipeline, Touched) {
        let mut pipeline = redis::pipe();
        let mut touched = Touched::default();
        let mut indexes: BTreeMap<u32, Cmd> = BTreeMap::new();
        pipeline.cmd("MULTI");
        for (view, key, change) in commit.changes.structures() {
            commands::append(&mut pipeline, &mut touched, self.projection, view, key, change);
            if self.projection.views[view as usize].keyed {
                let index = || self.index(view);
                indexes.entry(view).or_insert_with(index).arg(key);
            }
        }
        for (view, index) in indexes {
            pipeline.add_command(index);
            touched.push(self.index_key(view), 1);
        }
        for (command, key) in letters::commands(&commit.letters, self.dead, self.retry) {
            pipeline.add_command(command);
            touched.push(key, 1);
        }
        let (mut lane, mut readers) = (cmd("HSET"), cmd("HSET"));
        lane.arg(self.lane);
        if !commit.letters.is_empty() {
            lane.arg(keys::LETTERS).arg(self.letter_changes + 1);
        }
        readers.arg(keys::checkpoints(&self.projection.name));
        for (at, mark) in &commit.checkpoint {
            let field = keys::partition(at);
            lane.arg(&field).arg(format_mark(mark));
            readers.arg(&field).arg(mark.next).arg(keys::newest(at)).arg(mark.newest);
        }
        pipeline.add_command(lane);
        touched.push(self.lane, 1);
        if self.projection.live && !commit.checkpoint.is_empty() {
            readers.arg(keys::GENERATION).arg(self.projection.generation);
            pipeline.add_command(readers);
            touched.push(keys::checkpoints(&self.projection.name), 1);
        }
        pipeline.cmd("EXEC");
        watch(&mut pipeline, self.lane);
        (pipeline, touched)
    }

    /// Notes keys of a keyed view, so that all of them are found when the generation moves or goes.
    fn index(&self, view: u32) -> Cmd {
        let mut index = cmd("SADD");
        index.arg(self.index_key(view));
        index
    }

    fn index_key(&self, view: u32) -> String {
        let name = &self.projection.views[view as usize].name;
        keys::view_keys(&self.id.projection, self.id.generation, name)
    }
}
