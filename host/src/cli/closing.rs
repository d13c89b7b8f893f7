//! What the commands that act say: what it comes to, and at the end what to do next.

use std::fmt::Display;

use super::operate::{Operator, failure};
use super::table::{STRONG, paint, wants_colour};
use super::{Printer, UserError};
use crate::control::{Deployment, Registry};

/// Says what is done to a projection, or would be.
pub(super) fn say(name: &str, what: impl Display, printer: &mut Printer) {
    printer.out(format_args!("{}: {what}", paint(name, STRONG, wants_colour())));
}

/// Says at the end of a `--plan` that it was no more than that.
pub(super) fn only_a_plan(printer: &mut Printer) {
    printer.note("only a plan: nothing was changed");
}

/// Says what will make so what was just written down, and where to see it.
pub(super) async fn tell_next(
    operator: &Operator,
    after: &Deployment,
    printer: &mut Printer,
) -> Result<(), UserError> {
    let name = &after.name;
    if after.paused {
        printer.note(format_args!("it is paused; let it go on: lantern resume {name}"));
    } else if operator.registry.hosts().await.map_err(|e| failure(&e))?.is_empty() {
        printer.note("no host is alive yet: lantern run --source SOURCE");
    } else if after.next().is_some_and(|(_, next)| next.rebuild.as_ref().is_some_and(|rebuild| rebuild.hold)) {
        printer.note(format_args!("when it is held: lantern promote {name}; see lantern status {name}"));
    } else {
        printer.note(format_args!("see how it goes on: lantern status {name}"));
    }
    Ok(())
}
