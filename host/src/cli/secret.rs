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

/// A text without the addresses in it. A password may have any sign in it, so nobody can tell where an address ends, and the
/// rest of its line is left out too.
pub(super) fn without_addresses(text: &str) -> String {
    let shown = text.split_inclusive('\n').map(|line| match line.find("://") {
        Some(at) => format!("{}…\n", &line[..at + 3]),
        None => line.to_owned(),
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_address_is_shown() {
        let cases = [
            ("no address", "no address"),
            (
                "unexpected argument 'redis://u:p'a ss@h:1/0' found\n\nUsage:",
                "unexpected argument 'redis://…\n\nUsage:",
            ),
            ("kafka://h:1?a=b&c=d, log:x\n", "kafka://…\n"),
        ];
        for (text, shown) in cases {
            assert_eq!(without_addresses(text), shown);
        }
    }
}
