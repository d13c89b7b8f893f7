//! The plugin's voice in the host's log: `log::info!("…")` and its sisters, in the words of
//! [`format!`].
//!
//! A line carries the event that is being applied, so the message need not say which one it was.
//! Lines are limited by the host. In native tests they stand in the harness.

use std::cell::Cell;
use std::fmt;

#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn,
};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For following every step.
    Trace,
    /// For finding a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is not as expected.
    Warn,
    /// Something went wrong.
    Error,
    /// The instance is about to end. Written by the panic hook.
    Fatal,
}

const NO_EVENT: u32 = u32::MAX;

thread_local! {
    static EVENT: Cell<u32> = const { Cell::new(NO_EVENT) };
}

/// Note which event of the batch is being applied, or that none is.
pub(crate) fn set_event(index: Option<u32>) {
    EVENT.set(index.unwrap_or(NO_EVENT));
}

/// The index of the event that is being applied.
pub(crate) fn event() -> Option<u32> {
    Some(EVENT.get()).filter(|&index| index != NO_EVENT)
}

/// Write one line. The macros of this module are the way to call it.
#[doc(hidden)]
pub fn write(level: Level, message: fmt::Arguments<'_>) {
    let formatted;
    let text = match message.as_str() {
        Some(text) => text,
        None => {
            formatted = message.to_string();
            &formatted
        }
    };
    #[cfg(target_arch = "wasm32")]
    crate::guest::log(level, event(), text);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::log(level, event(), text);
}

/// Log a line at level trace.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($arguments:tt)*) => {
        $crate::log::write($crate::log::Level::Trace, ::core::format_args!($($arguments)*))
    };
}

/// Log a line at level debug.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($arguments:tt)*) => {
        $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($arguments)*))
    };
}

/// Log a line at level info.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($arguments:tt)*) => {
        $crate::log::write($crate::log::Level::Info, ::core::format_args!($($arguments)*))
    };
}

/// Log a line at level warn.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($arguments:tt)*) => {
        $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($arguments)*))
    };
}

/// Log a line at level error.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($arguments:tt)*) => {
        $crate::log::write($crate::log::Level::Error, ::core::format_args!($($arguments)*))
    };
}
