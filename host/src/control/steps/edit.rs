//! What the steps are made of: the edits of a record that several of them share, and what must hold before any.

use std::collections::BTreeMap;

use super::Refusal;
use crate::control::{Deployment, Generation, Stage};

impl Deployment {
    /// The record after some change to it.
    pub(super) fn changed(&self, change: impl FnOnce(&mut Deployment)) -> Deployment {
        let mut after = self.clone();
        after.version += 1;
        change(&mut after);
        after
    }

    pub(super) fn generation_mut(&mut self, number: u64) -> &mut Generation {
        self.generations.get_mut(&number).expect("a step names generations that the record has")
    }

    /// Takes the live generation out of the readers' place.
    pub(super) fn displace_live(&mut self, stage: Stage, now: i64) {
        let (live, hidden) = (self.live, self.hidden_prefix(self.live));
        let generation = self.generation_mut(live);
        (generation.stage, generation.prefix, generation.retired) = (stage, hidden, Some(now));
        generation.release();
    }

    /// Puts a generation into the readers' place.
    pub(super) fn enthrone(&mut self, number: u64) {
        let prefix = self.prefix.clone();
        let generation = self.generation_mut(number);
        (generation.stage, generation.prefix, generation.retired) = (Stage::Live, prefix, None);
        (generation.finding, generation.doubt) = (None, None);
        generation.release();
        self.live = number;
    }

    /// What is being built or held is no longer wanted.
    pub(super) fn give_up_next(&mut self) {
        for generation in self.generations.values_mut() {
            if matches!(generation.stage, Stage::Building | Stage::Held) {
                generation.stage = Stage::Dropped;
            }
        }
    }

    pub(super) fn not_removing(&self) -> Result<(), Refusal> {
        if self.removing {
            let reason = format!("projection `{}` is being undeployed", self.name);
            let hint = format!(
                "wait until `lantern list` no longer shows it; `lantern undeploy {}` ends it now",
                self.name
            );
            return Err(Refusal::new(reason, hint));
        }
        Ok(())
    }

    /// Neither is it being undeployed nor are its structures on the move.
    pub(in crate::control) fn at_rest(&self) -> Result<(), Refusal> {
        self.not_removing()?;
        match self.moving {
            None => Ok(()),
            Some(number) => Err(Refusal::new(
                format!("projection `{}` is moving to generation {number}, structure by structure", self.name),
                format!("hosts see to it that it ends, or `lantern promote {}` does; then try again", self.name),
            )),
        }
    }
}

impl Generation {
    /// Its lanes need no longer stand still.
    pub(super) fn release(&mut self) {
        (self.frozen, self.until) = (false, BTreeMap::new());
    }
}
