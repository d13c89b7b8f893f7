//! The stage of stories about operators: the bank's views are deployed at the command line, and hosts run whatever is
//! deployed.

use lantern_tests::artefacts::plugin;
use lantern_tests::bank::BankViews;
use lantern_tests::host::Run;
use lantern_tests::{Host, Operator};

use crate::story::BankStory;

/// How a command ends that the state of a projection does not allow.
pub const REFUSED: i32 = 4;

impl BankStory {
    /// Whoever acts on this installation.
    pub fn operator(&self) -> Operator {
        Operator::of(&self.redis)
    }

    /// `lantern deploy` of a plugin as `balances` on this bank.
    #[track_caller]
    pub fn deploy(&self, name: &str, args: &[&str]) {
        self.operator().deploy("balances", &plugin(name), &self.topic, args);
    }

    /// `lantern run` of what is deployed.
    pub fn host(&self) -> Run {
        self.host_on(&self.source.url())
    }

    /// The same with this `--source`.
    pub fn host_on(&self, source: &str) -> Run {
        Host::run(source, &self.redis)
    }

    /// Passes if readers of `balances` read this generation.
    pub fn is_live(&self, generation: u64) -> Result<(), String> {
        match self.redis.generation("balances") {
            Some(live) if live == generation => Ok(()),
            live => Err(format!("live is {live:?}, and generation {generation} is at {}", self.built(generation))),
        }
    }

    /// How many events a generation of `balances` has got over.
    pub fn built(&self, generation: u64) -> u64 {
        self.redis.built("balances", generation)
    }

    /// Passes if a generation of `balances` has got over so many events.
    pub fn is_built(&self, generation: u64, events: u64) -> Result<(), String> {
        match self.built(generation) {
            built if built >= events => Ok(()),
            built => Err(format!("{built} of {events} events are applied to generation {generation}")),
        }
    }

    /// The views must be those of `balances-v2`, once all there is is applied.
    #[track_caller]
    pub fn expect_revised(&self, host: &mut Host) {
        host.until("balances has caught up", || self.caught_up("balances"));
        let views = BankViews::fold(&self.events).revised("EUR");
        views.balances_hold(&self.redis).unwrap_or_else(|difference| panic!("{difference}"));
    }
}
