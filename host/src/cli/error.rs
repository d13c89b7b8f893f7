//! An error that is the user's to mend: what is wrong, why, and what to do.

/// A message with a hint, and the exit code that it means.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UserError {
    message: String,
    hint: String,
    exit_code: u8,
    missed: Option<&'static str>,
}

impl UserError {
    /// Something failed: exit code 1.
    pub(crate) fn failure(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit_code: 1, missed: None }
    }

    /// The command was used wrongly: exit code 2.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit_code: 2, missed: None }
    }

    /// There is no projection of that name: exit code 3.
    pub(crate) fn missing(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit_code: 3, missed: None }
    }

    /// It may not be done as things are: exit code 4.
    pub(crate) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), exit_code: 4, missed: None }
    }

    /// The same, if it is for lack of something that may be back by itself.
    pub(crate) fn for_lack_of(self, missed: Option<&'static str>) -> Self {
        Self { missed, ..self }
    }

    /// What is missed, if it may be back by itself.
    pub(crate) fn missed(&self) -> Option<&'static str> {
        self.missed
    }

    pub(crate) fn hint(&self) -> &str {
        &self.hint
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
