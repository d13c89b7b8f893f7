//! Write a Lantern projection in Rust: a plugin that turns events into views kept in Redis.
//!
//! A plugin is a crate of type `cdylib` with one type that implements [`Projection`], handed to
//! [`export!`]. It declares its views in [`Projection::new`] and writes to them in
//! [`Projection::apply`], event by event.
//!
//! ```
//! use lantern_sdk::prelude::*;
//!
//! #[derive(Deserialize)]
//! enum PageEvent {
//!     PageViewed { page: String },
//! }
//!
//! struct Popular {
//!     pages: Ranking,
//! }
//!
//! impl Projection for Popular {
//!     const NAME: &'static str = "popular";
//!     const TOPICS: &'static [&'static str] = &["page-events"];
//!
//!     fn new(views: &mut Views) -> Self {
//!         Self { pages: views.ranking("pages") }
//!     }
//!
//!     fn apply(&mut self, event: &Event<'_>) -> Result<()> {
//!         let PageEvent::PageViewed { page } = event.json_by_field("type")?;
//!         self.pages.add(page, 1);
//!         Ok(())
//!     }
//! }
//!
//! export!(Popular);
//!
//! // Its logic runs natively, under plain `cargo test`, on views in memory.
//! # fn main() {
//! use lantern_sdk::testing::{self, Harness};
//!
//! let mut harness = Harness::<Popular>::new();
//! harness.apply(testing::event("/home", r#"{"type":"PageViewed","page":"/home"}"#)).unwrap();
//! assert_eq!(harness.ranking("pages"), [("/home".to_string(), 1.0)]);
//! # }
//! ```
//!
//! # What a projection may rely on
//!
//! - Every event takes effect exactly once and in partition order. What a batch writes becomes
//!   visible together with the checkpoint, or not at all.
//! - It reads what it has written, also within the batch.
//! - After any failure the instance is dropped and a fresh one goes on from the views. So what must
//!   last belongs in a view, and the caches of this crate never outlive what they were read from.
//!
//! # What it must not do
//!
//! - Depend on anything but its events and its [configuration](config()): there is no clock, no random,
//!   no file and no network.
//! - Read and write one and the same key from several partitions, unless [`Projection::ORDERING`]
//!   is [`Ordering::Global`]. Adding (counters, rankings, sets) is safe from everywhere.

mod batch;
pub mod cloud_events;
mod config;
pub mod debezium;
mod error;
mod event;
mod host;
mod json;
pub mod log;
mod projection;
mod runner;
pub mod views;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use cloud_events::CloudEvent;
pub use config::config;
pub use error::{Error, Result};
pub use event::{Event, Events, Headers};
pub use json::{EventTypes, Upcast};
pub use projection::{Ordering, Projection};
pub use views::Views;

/// Everything that most plugins need, for one `use`.
pub mod prelude {
    pub use crate::views::{Counters, Keyed, List, Ranking, Set, Table, Value, Views};
    pub use crate::{
        CloudEvent, Error, Event, EventTypes, Events, Ordering, Projection, Result, Upcast, export, log,
    };
    pub use serde::{Deserialize, Serialize};
}

// The programs on the page are tests as well.
#[cfg(doctest)]
#[doc = include_str!("../../docs/events.md")]
mod page_of_events {}

/// Make the type that implements [`Projection`] what this crate exports. Once in a crate.
///
/// Built for any other target than `wasm32` it only checks the type, so that the crate can be
/// tested natively.
#[macro_export]
macro_rules! export {
    ($projection:ty) => {
        const _: fn() = || {
            fn is_projection<P: $crate::Projection>() {}
            is_projection::<$projection>();
        };

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::guest::{self, bindings};

            ::std::thread_local! {
                static PLUGIN: guest::Plugin<$projection> = const { guest::Plugin::empty() };
            }

            struct Component;

            impl guest::Guest for Component {
                fn describe() -> guest::Description {
                    PLUGIN.with(guest::Plugin::describe)
                }

                fn apply(batch: guest::Batch) -> ::core::result::Result<(), guest::Failure> {
                    PLUGIN.with(|plugin| plugin.apply(batch))
                }
            }

    $crate::guest::bindings::export_component!(Component with_types_in $crate::guest::bindings);
        };
    };
}

// Recipes are complete plugins with their tests, which run with those of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../docs/cookbook.md")]
mod cookbook {}
