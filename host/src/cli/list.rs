//! `lantern list`: the deployed projections, one a line.

use serde_json::json;

use super::connect::{Connection, block_on};
use super::figures::{perhaps, short};
use super::report::{Report, collect};
use super::table::{PLAIN, STRONG, Side, Table, wants_colour};
use super::{Printer, status};

/// List the deployed projections, one a line
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  lantern list
  lantern list --json | jq -r '.projections[] | select(.state == \"stopped\") | .name'")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let report = block_on(async {
        let operator = args.connection.operator();
        let source = args.connection.ask_source(&operator).await?;
        Ok(collect(&operator, source.as_ref(), None).await?)
    })?;
    status::say(&report, printer);
    if args.json {
        printer.out(as_json(&report));
    } else if !report.projections.is_empty() {
        table(&report).lines(wants_colour()).iter().for_each(|line| printer.out(line));
    }
    Ok(())
}

fn table(report: &Report) -> Table {
    use Side::{Left, Right};
    let mut table = Table::new([
        ("NAME", Left),
        ("STATE", Left),
        ("REVISION", Right),
        ("GENERATION", Right),
        ("LAG", Right),
        ("MODULE", Left),
        ("TOPICS", Left),
    ]);
    for projection in &report.projections {
        table.row([
            (projection.name.clone(), STRONG),
            (projection.state.to_string(), status::style(projection.state)),
            (projection.revision.to_string(), PLAIN),
            (projection.generation.to_string(), PLAIN),
            (perhaps(projection.lag), PLAIN),
            (short(&projection.module).to_owned(), PLAIN),
            (projection.topics.join(", "), PLAIN),
        ]);
    }
    table
}

fn as_json(report: &Report) -> serde_json::Value {
    let projections = report.projections.iter().map(|projection| {
        json!({
            "name": projection.name,
            "state": projection.state,
            "revision": projection.revision,
            "generation": projection.generation,
            "lag": projection.lag,
            "module": projection.module,
            "topics": projection.topics,
        })
    });
    json!({ "projections": projections.collect::<Vec<_>>() })
}
