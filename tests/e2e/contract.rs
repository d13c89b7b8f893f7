//! What the contract between host and plugins promises across its versions, and what an operator sets reaches the plugin.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lantern::event::{Batch, Event};
use lantern::limits::Limits;
use lantern::op::{CellRef, Query, Refused, Value, Verb, Write};
use lantern::projection::{LaneId, Share};
use lantern::sandbox::wasm::{Cache, Engine, LoadError, WasmModule, digest, read};
use lantern::sandbox::{Config, Instance, Module, ViewError, Views};
use lantern_tests::artefacts::{fixture, plugin};
use lantern_tests::bank::{Bank, BankViews};
use lantern_tests::{Host, RedisServer, Source};
use serde_json::json;

#[test]
fn a_plugin_compiled_against_the_first_version_still_runs() {
    let (source, redis) = (Source::log(), RedisServer::start());
    let topic = source.topic("account-events", 2);
    let events: Vec<_> = Bank { events: 1_000, partitions: 2, ..Bank::default() }.events().collect();
    source.append(&topic, &events);
    let run = Host::run(&source.url(), &redis);
    let mut host = run.projection("leaderboard", &fixture("leaderboard-0.1.0.wasm"), &[&topic]).start();

    let expected = BankViews::fold(&events);
    host.until("the leaderboard is exact", || expected.leaderboard_holds(&redis));
}

#[test]
fn what_is_set_is_seen_in_the_views() {
    let module = load("balances-v2", Config::new()).unwrap();
    let with_francs = module.clone().with_config(config("currency", "CHF")).unwrap();

    for (module, currency) in [(&module, "EUR"), (&with_francs, "CHF"), (&module, "EUR")] {
        let written = apply(module, r#"{"type":"AccountOpened","account":"acc-1","owner":"Ada"}"#);
        let account: serde_json::Value = serde_json::from_str(&written["accounts acc-1"]).unwrap();
        assert_eq!(
            account,
            json!({"account": "acc-1", "owner": "Ada", "balance": 0, "events": 1, "currency": currency})
        );
        assert_eq!(written["totals v2"], "1");
    }
    assert_eq!(with_francs.digest(), module.digest());
    assert!(Arc::ptr_eq(with_francs.bytes(), module.bytes()), "nothing is loaded twice");
}

#[test]
fn a_plugin_may_refuse_its_configuration_and_says_why() {
    let evil = load("evil", Config::new()).unwrap();
    let config = config("panic-at-start", "set me to something else");
    for refused in [evil.with_config(config.clone()), load("evil", Arc::unwrap_or_clone(config))] {
        let Err(LoadError::Describe(reason)) = refused else { panic!("it was described") };
        assert!(reason.starts_with("the plugin panicked: set me to something else"), "{reason}");
    }
}

#[test]
fn a_module_gives_back_the_bytes_that_it_was_made_of() {
    let bytes = read(&plugin("balances"), &Limits::default()).unwrap();
    let module = load("balances", Config::new()).unwrap();
    assert_eq!(**module.bytes(), *bytes);
    assert_eq!(module.digest(), digest(&bytes));
    assert_eq!(digest(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn bytes_beyond_the_limit_are_refused_wherever_they_come_from() {
    let limits = Limits { component_bytes_max: 7, ..Limits::default() };
    let engine = Engine::new(&limits).unwrap();
    let from_file = read(&plugin("balances"), &limits).err();
    let from_memory = WasmModule::<Written>::new(&engine, &Cache::none(), &limits, vec![0; 8]).err();
    for error in [from_file, from_memory] {
        assert!(matches!(error, Some(LoadError::TooLarge { limit: 7, .. })), "{error:?}");
    }
}

#[test]
fn the_variants_of_balances_are_what_stories_take_them_for() {
    let [first, hot, lost, next] = ["balances", "balances-hot", "balances-lost", "balances-v2"]
        .map(|name| load(name, Config::new()).unwrap());
    assert_eq!(hot.description(), first.description());
    assert_ne!(hot.digest(), first.digest());

    let mut smaller = first.description().clone();
    smaller.views.retain(|view| view.name != "totals");
    assert_eq!(*lost.description(), smaller);

    let mut revised = first.description().clone();
    revised.revision = 2;
    assert_eq!(*next.description(), revised);
}

fn load(name: &str, config: Config) -> Result<WasmModule<Written>, LoadError> {
    let limits = Limits::default();
    let engine = Engine::new(&limits).unwrap();
    let bytes = read(&plugin(name), &limits)?;
    WasmModule::configured(&engine, &Cache::none(), &limits, bytes, Arc::new(config))
}

fn config(name: &str, value: &str) -> Arc<Config> {
    Arc::new([(name.to_owned(), value.to_owned())].into())
}

/// What a fresh instance writes when it applies this one event: what was written, by `<view> <member>`.
fn apply(module: &WasmModule<Written>, payload: &str) -> BTreeMap<String, String> {
    let mut batch = Batch::default();
    let payload = Some(payload.as_bytes());
    batch.push(&Event { topic: 0, partition: 0, offset: 0, timestamp: -1, key: None, headers: &[], payload });
    let lane = LaneId { projection: "p".into(), generation: 1, share: Share::Partition(0) };
    let mut instance = module.instantiate(&lane, &["t".into()]).unwrap();
    let names = module.description().views.iter().map(|view| view.name.clone()).collect();
    let (views, applied) = instance.apply(&batch, Box::new(Written { names, cells: BTreeMap::new() }));
    applied.unwrap();
    views.cells
}

/// Views that were empty, and what was written to them.
struct Written {
    names: Vec<String>,
    cells: BTreeMap<String, String>,
}

impl Views for Written {
    fn write(&mut self, write: &Write<'_>) -> Result<(), Refused> {
        let value = match write.verb {
            Verb::Hincrby => i64::from_le_bytes(write.value.try_into().unwrap()).to_string(),
            _ => String::from_utf8_lossy(write.value).into_owned(),
        };
        let name = format!("{} {}", self.names[write.view as usize], String::from_utf8_lossy(write.member));
        self.cells.insert(name, value);
        Ok(())
    }

    fn read(&mut self, _: Query, _: &CellRef<'_>) -> Result<Option<Value>, ViewError> {
        Ok(None)
    }

    fn prefetch(&mut self, _: &[CellRef<'_>]) -> Result<(), ViewError> {
        Ok(())
    }

    fn waited(&self) -> Duration {
        Duration::ZERO
    }
}
