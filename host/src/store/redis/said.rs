//! What the server says when it answers with an error, in its own words; and what that comes to.

use std::fmt;

use redis::{ErrorKind, RedisError};

use crate::store::Unwilling;

/// The server's words, such as `OOM command not allowed when used memory > 'maxmemory'.`
#[derive(Debug)]
pub(super) struct Said {
    code: String,
    detail: String,
}

impl Said {
    pub(super) fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }

    /// How the server is unwilling by that.
    pub(super) fn unwilling(&self) -> Unwilling {
        unwilling(self)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.is_empty() {
            true => f.write_str(&self.code),
            false => write!(f, "{} {}", self.code, self.detail),
        }
    }
}

impl std::error::Error for Said {}

/// What the server has said; or the error as it is, if it is none of the server's.
pub(super) fn said(error: RedisError) -> Result<Said, RedisError> {
    if error.kind() == ErrorKind::AuthenticationFailed {
        // The client has thrown the server's words away.
        return Ok(Said::new("WRONGPASS", "invalid username-password pair or user is disabled."));
    }
    let Some(errors) = error.clone().into_server_errors() else { return Err(error) };
    // Of a transaction that was thrown away, what it was thrown away for.
    let Some((_, first)) = errors.iter().find(|(_, e)| e.code() != "EXECABORT").or(errors.first()) else {
        return Err(error);
    };
    Ok(Said::new(first.code(), first.details().unwrap_or_default()))
}

/// The error with the key that it is about, if it is about a key and does not say which.
pub(super) fn of_key(error: RedisError, key: Option<&Vec<u8>>) -> Box<dyn std::error::Error + Send + Sync> {
    match (said(error), key) {
        (Ok(Said { code, detail }), Some(key)) if detail.contains("access") => {
            Said { code, detail: format!("{detail} (`{}`)", String::from_utf8_lossy(key)) }.into()
        }
        (Ok(said), _) => said.into(),
        (Err(error), _) => error.into(),
    }
}

/// Whether the server has said that what stands under a key is of another type.
pub(super) fn is_wrong_type(error: &RedisError) -> bool {
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "WRONGTYPE"))
}

fn unwilling(said: &Said) -> Unwilling {
    // A script that may not do something says so in an error of its own.
    let of_a_script =
        ["The user executing the script", "can't run this command", "can't access at least one of the keys"];
    // A transaction that is thrown away at its end says why behind its code.
    let why = said.detail.strip_prefix("Transaction discarded because of: ").unwrap_or_default();
    let code = if said.code == "EXECABORT" { why.split(' ').next().unwrap_or_default() } else { &said.code };
    match code {
        "OOM" => Unwilling::Full,
        "READONLY" | "MASTERDOWN" => Unwilling::ReadOnly,
        "NOAUTH" | "WRONGPASS" | "NOPERM" => Unwilling::Denied,
        "ERR" if of_a_script.iter().any(|words| said.detail.contains(words)) => Unwilling::Denied,
        _ => Unwilling::Busy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(code: &str, detail: &str) -> (Unwilling, String) {
        let error = redis::make_extension_error(code.to_owned(), Some(detail.to_owned()));
        let said = said(error).unwrap();
        (said.unwilling(), said.to_string())
    }

    #[test]
    fn sorts_by_what_can_be_done() {
        let full = sorted("OOM", "command not allowed when used memory > 'maxmemory'.");
        assert_eq!(full, (Unwilling::Full, "OOM command not allowed when used memory > 'maxmemory'.".into()));
        assert_eq!(sorted("READONLY", "You can't write").0, Unwilling::ReadOnly);
        assert_eq!(
            sorted("NOPERM", "this user has no permissions to run the 'hset' command").0,
            Unwilling::Denied
        );
        assert_eq!(sorted("ERR", "The user executing the script can't run this command").0, Unwilling::Denied);
        assert_eq!(
            sorted("EXECABORT", "Transaction discarded because of: READONLY You can't").0,
            Unwilling::ReadOnly
        );
        assert_eq!(sorted("MISCONF", "Redis is configured to save").0, Unwilling::Busy);
    }

    #[test]
    fn what_the_server_has_not_said_is_left() {
        let away = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        assert!(said(away).is_err());
    }
}
