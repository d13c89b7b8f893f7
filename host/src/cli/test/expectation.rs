//! The views that a test expects, in a JSON file.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::UserError;
use crate::replay::{Difference, differences};

/// What somebody expects of all views.
pub(super) struct Expectation(Value);

impl Expectation {
    pub(super) fn read(file: &Path) -> Result<Self, UserError> {
        let name = file.display();
        let content = fs::read(file).map_err(|error| {
            UserError::failure(format!("cannot read {name}: {error}"), "--update writes what the views are")
        })?;
        let hint = "it is an object of views by name, as --update writes it";
        match serde_json::from_slice(&content) {
            Ok(views @ Value::Object(_)) => Ok(Self(views)),
            Ok(_) => Err(UserError::failure(format!("{name} is no object"), hint)),
            Err(error) => Err(UserError::failure(format!("{name} is no JSON: {error}"), hint)),
        }
    }

    /// How the views differ. A view that has nothing need not be named.
    pub(super) fn differences(&self, views: &Value) -> Vec<Difference> {
        let mut differences = differences(&self.0, views);
        differences.retain(|Difference { path, expected, found }| {
            path.len() > 1 || [expected, found].into_iter().flatten().any(|view| !is_empty(view))
        });
        differences
    }
}

/// Writes what the views are.
pub(super) fn write(file: &Path, views: &Value) -> Result<(), UserError> {
    fs::write(file, format!("{views:#}\n")).map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        UserError::failure(message, "check the path and who may write there")
    })
}

fn is_empty(view: &Value) -> bool {
    match view {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
