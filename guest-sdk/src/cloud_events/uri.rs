//! Whether text is a URI, or a reference to one, as RFC 3986 writes them.

use crate::error::quoted;
use crate::{Error, Result};

/// Passes for a URI with a scheme. A fragment is let through, as the JSON schema of CloudEvents does.
pub(super) fn check_absolute(name: &str, text: &str) -> Result<()> {
    if is_reference(text) && scheme(text).is_some_and(|(scheme, _)| is_scheme(scheme)) {
        return Ok(());
    }
    Err(Error::msg(format_args!("`{name}` is not an absolute URI: {}", quoted(text.as_bytes()))))
}

/// Passes for a URI, or a reference to one, such as a path.
pub(super) fn check_reference(name: &str, text: &str) -> Result<()> {
    if is_reference(text) {
        return Ok(());
    }
    Err(Error::msg(format_args!("`{name}` is not a URI-reference: {}", quoted(text.as_bytes()))))
}

fn is_reference(text: &str) -> bool {
    let rest = match scheme(text) {
        Some((scheme, _)) if !is_scheme(scheme) => return false,
        Some((_, rest)) => rest,
        None => text,
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    is_authority(authority) && has_only(path, b":@/") && has_only(query, b":@/?") && has_only(fragment, b":@/?")
}

/// What stands before a colon in the first segment, and what behind it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.find([':', '/', '?', '#'])?;
    text[end..].starts_with(':').then(|| (&text[..end], &text[end + 1..]))
}

fn is_scheme(text: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(may)
}

/// `user@host:port`, where the host may be an address in brackets.
fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let (host, port) = match host.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, rest))) if has_only(address, b":") => ("", rest.strip_prefix(':').unwrap_or(rest)),
        Some(_) => return false,
        None => host.rsplit_once(':').unwrap_or((host, "")),
    };
    has_only(user, b":") && has_only(host, b"") && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Unreserved characters, sub-delimiters, bytes as `%41`, and these.
fn has_only(text: &str, more: &[u8]) -> bool {
    const OTHERS: &[u8] = b"-._~!$&'()*+,;=";
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || OTHERS.contains(&byte) || more.contains(&byte),
        };
        if !is_valid {
            return false;
        }
    }
    true
}
