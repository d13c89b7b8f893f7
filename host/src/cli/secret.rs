//! Keeps what may hold a password out of what is said: addresses are never shown as they were given.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

/// Parses an address. What is wrong with it is said without it, for it may hold a password.
#[derive(Clone)]
pub(super) struct Address<T>(pub(super) fn(&str) -> Result<T, String>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Address<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| "it is no text".to_owned()).and_then(self.0);
        parsed.map_err(|fault| {
            let arg = arg.map_or_else(|| "an address".to_owned(), |arg| format!("'{arg}'"));
            let message = format!("invalid value for {arg}: {fault}\n\nFor more information, try '--help'.\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// A text with the addresses in it as they may be shown: without users, passwords and properties.
pub(super) fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at + 3);
        shown += before;
        // A password may have quotes, so those around an address are taken for a part of it.
        let (address, after) = address.split_at(address.find(char::is_whitespace).unwrap_or(address.len()));
        // A password may have any sign in it, so the last one of each counts, and the first.
        let address = address.rsplit_once('@').map_or(address.to_owned(), |(_, place)| format!("…@{place}"));
        match address.find(['?', '&']) {
            Some(properties) => shown += &format!("{}?…", &address[..properties]),
            None => shown += &address,
        }
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_secrets() {
        let cases = [
            ("no address", "no address"),
            ("redis://h:1/0 answers", "redis://h:1/0 answers"),
            ("unexpected argument 'redis://u:p/@w@h:1/0' found", "unexpected argument 'redis://…@h:1/0' found"),
            ("kafka://h:1?a=b&c=d, log:x", "kafka://h:1?… log:x"),
            ("kafka://h:1&a=b redis://:p@h", "kafka://h:1?… redis://…@h"),
            ("invalid value 'redis://u:it's@h'", "invalid value 'redis://…@h'"),
            ("unexpected argument `kafka://h:1?a=b` found", "unexpected argument `kafka://h:1?… found"),
        ];
        for (text, shown) in cases {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
