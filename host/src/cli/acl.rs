//! `lantern acl`: the rules for users of Redis who may do what their role needs, and no more.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::connect::{Connection, block_on};
use super::{Printer, UserError};
use crate::control::Deployment;
use crate::projection::name_fault;
use crate::store::redis::{Place, Role, rules};

/// Print Redis ACL rules for users who may do what a host, an operator or a reader does, and no more
#[derive(clap::Args)]
#[command(after_help = "\
A host runs projections. An operator deploys, watches and changes them. A reader reads views, and how fresh they are.
Whoever starts a host by `lantern run --projection` is both host and operator: lantern acl host operator --user NAME.

Nothing is changed, and no password is printed or taken away. Run it again when there is a new projection.

Examples:
  lantern acl | redis-cli
  lantern acl host operator --projection balances --projection orders=app:orders:
  lantern acl reader --user shop --projection balances
  lantern acl --aclfile >> users.acl")]
pub(crate) struct Args {
    /// Print the rules of this role [default: of each]
    #[arg(value_name = "ROLE", value_parser = role())]
    roles: Vec<Role>,

    /// Let them at the views of this projection, which has this prefix [default: those that are deployed; NAME:]
    #[arg(long = "projection", value_name = "NAME[=PREFIX]", value_parser = place)]
    places: Vec<Place>,

    /// Give the rights of all these roles to one user of this name [default: a user for each, lantern-ROLE]
    #[arg(long, value_name = "NAME", requires = "roles", value_parser = user)]
    user: Option<String>,

    /// Print lines of an ACL file instead of commands
    #[arg(long)]
    aclfile: bool,

    /// Print JSON
    #[arg(long, conflicts_with = "aclfile")]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let places = if args.places.is_empty() { deployed(&args.connection)? } else { args.places };
    let roles = if args.roles.is_empty() { vec![Role::Host, Role::Operator, Role::Reader] } else { args.roles };
    let users: Vec<(String, Vec<Role>)> = match args.user {
        Some(user) => vec![(user, roles)],
        None => roles.into_iter().map(|role| (format!("lantern-{}", word(role)), vec![role])).collect(),
    };
    let database = args.connection.redis().database();
    let users = users.into_iter().map(|(name, roles)| {
        let rules = rules(&roles, &places, database);
        (name, roles, rules)
    });
    if args.json {
        let users = users.map(|(name, roles, rules)| {
            json!({ "user": name, "roles": roles.into_iter().map(word).collect::<Vec<_>>(), "rules": rules })
        });
        printer.out(json!({ "users": users.collect::<Vec<_>>() }));
        return Ok(());
    }
    for (name, _, rules) in users {
        let begin = if args.aclfile { "user" } else { "ACL SETUSER" };
        printer.out(format_args!("{begin} {name} on {}", rules.join(" ")));
    }
    printer.note("a new user has no password and is not let in (hint: ACL SETUSER NAME >PASSWORD)");
    Ok(())
}

/// The projections that are deployed.
fn deployed(connection: &Connection) -> anyhow::Result<Vec<Place>> {
    let snapshot = block_on(async { Ok(connection.operator().snapshot().await?) })?;
    let deployments = snapshot.deployments.values().map(|recorded| &recorded.deployment);
    let place = |found: &Deployment| Place { projection: found.name.clone(), prefix: found.prefix.clone() };
    let places: Vec<Place> = deployments.map(place).collect();
    if places.is_empty() {
        let hint = "name those that there will be: --projection NAME, or --projection NAME=PREFIX";
        return Err(
            UserError::usage("nothing is deployed, so it is not known where views will stand", hint).into()
        );
    }
    Ok(places)
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Host => "host",
        Role::Operator => "operator",
        Role::Reader => "reader",
    }
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(["host", "operator", "reader"]).map(|text| match text.as_str() {
        "host" => Role::Host,
        "operator" => Role::Operator,
        _ => Role::Reader,
    })
}

/// `NAME`, or `NAME=PREFIX`.
pub(super) fn place(text: &str) -> Result<Place, String> {
    let (name, prefix) = text.split_once('=').map_or((text, None), |(name, prefix)| (name, Some(prefix)));
    if let Some(fault) = name_fault(name) {
        return Err(format!("the name `{name}` {fault}"));
    }
    if prefix.is_some_and(str::is_empty) {
        return Err("its prefix is empty".to_owned());
    }
    Ok(Place { projection: name.to_owned(), prefix: prefix.map_or_else(|| format!("{name}:"), str::to_owned) })
}

/// A name that stands for itself in a rule.
pub(super) fn user(text: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@');
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("it may only have letters, digits, `-`, `_`, `.` and `@`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_follows_the_name() {
        let of = |text: &str| place(text).map(|place| place.prefix);
        assert_eq!(of("balances"), Ok("balances:".into()));
        assert_eq!(of("balances=a=b:"), Ok("a=b:".into()));
        assert_eq!(of("balances="), Err("its prefix is empty".into()));
        assert!(of("Balances").unwrap_err().starts_with("the name `Balances` may only have"));
    }
}
