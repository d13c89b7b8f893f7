//! What of the command line the fuzz targets reach: arguments, addresses and manifests of any text.

use std::path::Path;

use super::manifest::{ForAll, Manifest};
use super::secret::without_addresses;
use super::{acl, deploy, emit, limit, named, source, wait};
use crate::limits::Limit;

/// What no message may show.
const SECRET: &str = "s3cret";

/// Arguments as users write them. Whether one of those that have a form is in it.
pub fn text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    addresses(text);
    let is_reference = wait::parse(text).is_ok_and(|reference| {
        assert_eq!(wait::parse(&reference.to_string()).as_ref(), Ok(&reference));
        true
    });
    let is_user = acl::user(text).is_ok() | acl::place(text).is_ok();
    let is_pair = emit::header(text).is_ok() | deploy::setting(text).is_ok();
    is_reference | is_user | is_pair | limit(text) | named::parse(text).is_ok() | is_address(text)
}

/// A manifest. Whether it is one.
pub(crate) fn manifest(text: &str) -> bool {
    match Manifest::parse(text) {
        Ok(manifest) => {
            manifest.requests(Path::new("/"), &ForAll::default());
            true
        }
        Err((line, _fault)) => {
            assert!(line <= 1 + text.matches('\n').count(), "an error is in a line that there is");
            false
        }
    }
}

fn limit(text: &str) -> bool {
    let Ok((name, value)) = limit::parse(text) else { return false };
    let limit = Limit::find(&name).expect("it is one that there is");
    if let Some(value) = value {
        assert_eq!(limit.parse(&limit.text(value)), Ok(value), "{text}");
    }
    true
}

fn is_address(text: &str) -> bool {
    source::kafka_parts(text).is_ok() | source::parse_redis(text).is_ok()
}

/// Neither what is wrong with an address nor a message that it is in shows its password.
fn addresses(text: &str) {
    let shown = without_addresses(text);
    assert_eq!(without_addresses(&shown), shown);
    let is_one_word = !text.contains(|letter: char| letter.is_whitespace()) && !text.contains("://");
    if is_one_word && !SECRET.contains(text) {
        let url = format!("redis://{text}{SECRET}@h");
        let fault = source::parse_redis(&url).err().unwrap_or_default();
        for shown in [without_addresses(&format!("unexpected argument '{url}' found")), fault] {
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }
}
