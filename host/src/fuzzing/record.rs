//! What hosts and commands read that was written elsewhere: records, reports and letters in Redis, lanes' hashes, manifests.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::steps;
use crate::cli::fuzzing::manifest;
use crate::control::{Deployment, HostReport};
use crate::letter::Letter;
use crate::limits::{LIMITS, Limits};
use crate::store::redis::fuzzing::{fields, lane};

/// A text of any of these kinds, or one that is none. Whether it is of one of them.
pub fn record(bytes: &[u8]) -> bool {
    let is_letter = letter(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return is_letter };
    fields(text);
    deployment(text) | report(text) | is_letter | lane(text) | manifest(text)
}

fn deployment(text: &str) -> bool {
    let Ok(deployment) = Deployment::read(text) else { return false };
    let written = serde_json::to_string(&deployment).expect("a record is plain data");
    assert_eq!(Deployment::read(&written).as_ref(), Ok(&deployment));
    let limits = Limits::of(&deployment.limits);
    for limit in &LIMITS {
        assert!(limit.parse(&limit.text(limit.value(&limits))).is_ok(), "`{}` is in its range", limit.name);
    }
    steps::all(&deployment);
    true
}

fn report(text: &str) -> bool {
    let Ok(report) = serde_json::from_str::<HostReport>(text) else { return false };
    let without_rates = |mut report: HostReport| {
        // A number with a fraction may come back as its neighbour.
        report.lanes.iter_mut().for_each(|lane| lane.events_per_second = 0.0);
        report
    };
    assert_eq!(without_rates(again(&report)), without_rates(report));
    true
}

fn letter(bytes: &[u8]) -> bool {
    let Ok(mut letter) = serde_json::from_slice::<Letter>(bytes) else { return false };
    assert_eq!(again(&letter), letter);
    assert!(letter.encoded_headers().len() >= 8 * letter.headers.len());
    assert_eq!(letter.head().key, letter.key);
    letter.keep_content();
    let (reason, message) = (letter.reason.clone(), letter.message.clone());
    letter.say(&reason, &message, std::slice::from_ref(&message));
    assert_eq!(again(&letter), letter);
    true
}

/// What is read when it was written.
fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("it is plain data");
    serde_json::from_str(&text).expect("what was written can be read")
}
