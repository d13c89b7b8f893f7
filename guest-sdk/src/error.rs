//! The error of a projection: one message for people, made from any error by `?`.

use std::error::Error as StdError;
use std::fmt;

/// The result of what a projection does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an event can't be applied. The host logs the message and keeps it with the dead letter, so
/// it must not contain secrets.
///
/// Like `anyhow::Error` it doesn't implement [`std::error::Error`], so that every type that does
/// converts into it.
pub struct Error {
    message: String,
}

impl Error {
    /// An error that says `message`.
    pub fn msg(message: impl fmt::Display) -> Self {
        Self { message: message.to_string() }
    }

    /// The same error, preceded by what was tried: `"<what>: <message>"`.
    pub fn context(self, what: impl fmt::Display) -> Self {
        Self { message: format!("{what}: {}", self.message) }
    }
}

impl<E: StdError + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self { message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The name of a type without its path and generics, as its author wrote it in the source.
pub(crate) fn type_name<T>() -> &'static str {
    let full = std::any::type_name::<T>();
    let path = full.split('<').next().unwrap_or(full);
    path.rsplit("::").next().unwrap_or(path)
}

/// How much of foreign text an error shows.
const QUOTED_CHARS: usize = 100;

/// Foreign text in an error, in backticks and cut off if it is long.
pub(crate) fn quoted(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let end = text.char_indices().nth(QUOTED_CHARS).map(|(end, _)| end);
    match end {
        Some(end) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
