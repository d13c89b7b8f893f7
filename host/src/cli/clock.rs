//! This machine's clock. Nothing that becomes of an event hangs on it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since the Unix epoch.
#[expect(
    clippy::disallowed_methods,
    reason = "an event that is emitted happens now, and `doctor` compares clocks"
)]
pub(super) fn now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
