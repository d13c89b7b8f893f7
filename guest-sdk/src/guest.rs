//! The plugin as the host sees it: the contract's bindings, and what [`export!`](crate::export)
//! builds on. Only in Wasm.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Once;

use crate::host::Host;
use crate::log::Level;
use crate::runner::Runner;
use crate::views::{Declaration, Kind};
use crate::{Ordering, Projection, batch};

use bindings::exports::lantern::projection::projection as exported;
use bindings::lantern::projection::{config as host_config, log as host_log, types, views};

pub use exported::{Batch, Description, Failure, Guest};

#[expect(missing_docs, reason = "generated")]
#[allow(unused_qualifications, clippy::undocumented_unsafe_blocks)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "lantern_sdk::guest::bindings",
    });
}

/// The one instance of a plugin's projection, made when it is first needed.
pub struct Plugin<P> {
    runner: RefCell<Option<Runner<P>>>,
}

impl<P: Projection> Plugin<P> {
    /// A plugin whose projection is not made yet.
    pub const fn empty() -> Self {
        Self { runner: RefCell::new(None) }
    }

    /// Answer the host's `describe`.
    pub fn describe(&self) -> Description {
        self.with_runner(|runner| Description {
            name: P::NAME.into(),
            revision: P::REVISION,
            topics: P::TOPICS.iter().map(|&topic| topic.into()).collect(),
            ordering: match P::ORDERING {
                Ordering::Partition => types::Ordering::Partition,
                Ordering::Global => types::Ordering::Global,
            },
            views: runner.views().declared().iter().map(view).collect(),
        })
    }

    /// Answer the host's `apply`.
    pub fn apply(&self, batch: Batch) -> Result<(), Failure> {
        let batch = batch::Batch { events: batch.events, ends: batch.ends, data: batch.data };
        self.with_runner(|runner| runner.apply(&batch))
            .map_err(|failure| Failure { event: failure.event, message: failure.message })
    }

    fn with_runner<R>(&self, with: impl FnOnce(&mut Runner<P>) -> R) -> R {
        let mut runner = self.runner.borrow_mut();
        with(runner.get_or_insert_with(|| {
            report_panics();
            Runner::new(Rc::new(Imports))
        }))
    }
}

fn view(declared: &Declaration) -> types::View {
    types::View {
        name: (*declared.name).into(),
        kind: match declared.kind {
            Kind::Table => types::Kind::Table,
            Kind::Counters => types::Kind::Counters,
            Kind::Ranking => types::Kind::Ranking,
            Kind::Set => types::Kind::Set,
            Kind::List => types::Kind::List,
            Kind::Value => types::Kind::Value,
        },
        keyed: declared.keyed,
        capacity: declared.capacity,
    }
}

/// Tell the host why an instance ends: of a trap alone it would learn the place but not the
/// message.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.payload_as_str().unwrap_or("without a message");
            match panic.location() {
                Some(place) => crate::log::write(Level::Fatal, format_args!("{message} ({place})")),
                None => crate::log::write(Level::Fatal, format_args!("{message}")),
            }
        }));
    });
}

/// Write a line to the host's log.
pub(crate) fn log(level: Level, event: Option<u32>, message: &str) {
    let level = match level {
        Level::Trace => host_log::Level::Trace,
        Level::Debug => host_log::Level::Debug,
        Level::Info => host_log::Level::Info,
        Level::Warn => host_log::Level::Warn,
        Level::Error => host_log::Level::Error,
        Level::Fatal => host_log::Level::Fatal,
    };
    host_log::log(level, event, message);
}

/// Read a value of the projection's configuration.
pub(crate) fn config(name: &str) -> Option<String> {
    host_config::get(name)
}

/// The imported views.
struct Imports;

impl Host for Imports {
    fn hget(&self, view: u32, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        views::hget(view, key, field)
    }

    fn zscore(&self, view: u32, key: &[u8], member: &[u8]) -> Option<f64> {
        views::zscore(view, key, member)
    }

    fn sismember(&self, view: u32, key: &[u8], member: &[u8]) -> bool {
        views::sismember(view, key, member)
    }

    fn get(&self, view: u32, key: &[u8]) -> Option<Vec<u8>> {
        views::get(view, key)
    }

    fn prefetch(&self, view: u32, ends: &[u32], data: &[u8]) {
        views::prefetch(view, ends, data);
    }

    fn write(&self, heads: &[u32], data: &[u8]) {
        views::write(heads, data);
    }
}
