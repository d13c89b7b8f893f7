//! Compares the views of two generations whose lanes stand still.

use super::content::{Content, Held};
use super::registry::MemoryRegistry;
use crate::control::{Deployment, Generation};
use crate::projection::View;

impl MemoryRegistry {
    /// None if they are the same; else which views differ.
    pub(super) fn compare_views(&self, deployment: &Deployment, (before, after): (u64, u64)) -> Option<String> {
        let (old, new) = (deployment.generations.get(&before)?, deployment.generations.get(&after)?);
        let content = self.memory.lock();
        let mut lines = Vec::new();
        for view in &old.views {
            match new.views.iter().find(|other| other.name == view.name) {
                None => lines.push(format!("view `{}` is gone", view.name)),
                Some(same) if (same.kind, same.keyed) != (view.kind, view.keyed) => {
                    lines.push(format!("view `{}` was {view} and is {same}", view.name));
                }
                Some(_) if held(&content, old, view) != held(&content, new, view) => {
                    lines.push(format!("view `{}` differs", view.name));
                }
                Some(_) => {}
            }
        }
        let is_new = |view: &&View| !old.views.iter().any(|other| other.name == view.name);
        lines.extend(new.views.iter().filter(is_new).map(|view| format!("view `{}` is new", view.name)));
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

/// The structures of a view, by what follows the view's name in their keys.
fn held<'a>(content: &'a Content, generation: &Generation, view: &View) -> Vec<(&'a [u8], &'a Held)> {
    let name = format!("{}{}{}", generation.prefix, view.name, if view.keyed { ":" } else { "" }).into_bytes();
    let from = content.structures.range(name.clone()..).take_while(|(key, _)| key.starts_with(&name));
    let of_view = from.map(|(key, held)| (&key[name.len()..], held));
    of_view.filter(|(rest, _)| view.keyed || rest.is_empty()).collect()
}
