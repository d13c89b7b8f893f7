//! Media types, as RFC 2045 and 2046 write them: `application/json; charset=utf-8`.

use crate::error::quoted;
use crate::{Error, Result};

/// A media type that is well formed.
pub(super) struct MediaType<'a> {
    /// Type and subtype, without parameters.
    pub(super) essence: &'a str,
}

impl<'a> MediaType<'a> {
    /// Passes if it is well formed. `name` is for the error.
    pub(super) fn check(name: &str, text: &'a str) -> Result<Self> {
        Self::parse(text).ok_or_else(|| {
            let text = quoted(text.as_bytes());
            Error::msg(format_args!("`{name}` is not a media type such as `application/json`: {text}"))
        })
    }

    /// Whether it declares JSON: `…/json` or `…/…+json`.
    pub(super) fn is_json(text: &str) -> bool {
        let essence = essence(text);
        let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype);
        let suffix = subtype.rsplit_once('+').map_or(subtype, |(_, suffix)| suffix);
        suffix.eq_ignore_ascii_case("json")
    }

    /// Whether it is one of those that structured CloudEvents have, in whatever format.
    pub(super) fn is_of_cloud_events(text: impl AsRef<[u8]>) -> bool {
        const PREFIX: &[u8] = b"application/cloudevents";
        text.as_ref()
            .trim_ascii_start()
            .get(..PREFIX.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(PREFIX))
    }

    fn parse(text: &'a str) -> Option<Self> {
        let essence = essence(text);
        let (kind, subtype) = essence.split_once('/')?;
        if !(is_token(kind) && is_token(subtype)) {
            return None;
        }
        let mut rest = text.trim_start()[essence.len()..].trim();
        while !rest.is_empty() {
            let (name, value) = rest.strip_prefix(';')?.trim_start().split_once('=')?;
            if !is_token(name) {
                return None;
            }
            rest = match value.strip_prefix('"') {
                Some(quoted) => &quoted[end_of_quoted(quoted)?..],
                None => {
                    let end = value.find([';', ' ', '\t']).unwrap_or(value.len());
                    is_token(&value[..end]).then(|| &value[end..])?
                }
            }
            .trim_start();
        }
        Some(Self { essence })
    }
}

/// What stands before the parameters.
fn essence(text: &str) -> &str {
    text.split(';').next().unwrap_or(text).trim()
}

/// A name without spaces, controls and delimiters.
fn is_token(text: &str) -> bool {
    const DELIMITERS: &[u8] = b"()<>@,;:\\\"/[]?=";
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !DELIMITERS.contains(&byte))
}

/// Where a text ends that a quote has begun, behind its closing quote.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => _ = bytes.next()?,
            _ => {}
        }
    }
    None
}
