//! `lantern status --watch`: on a terminal a picture that is drawn anew, elsewhere a line for every change.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Args, as_json, notes, text};
use crate::cli::operate::Operator;
use crate::cli::report::{Projection, Rebuild, Report, collect};
use crate::cli::table::wants_colour;
use crate::cli::{Printer, stop};

/// How often it looks anew.
const EVERY: Duration = Duration::from_millis(500);

/// Shows changes until Ctrl-C.
pub(super) async fn watch(args: &Args, operator: &Operator, printer: &mut Printer) -> anyhow::Result<()> {
    tokio::select! {
        ended = go_on(args, operator, printer) => ended,
        signalled = stop::on_signal(CancellationToken::new()) => Ok(signalled?),
    }
}

async fn go_on(args: &Args, operator: &Operator, printer: &mut Printer) -> anyhow::Result<()> {
    let mut show = if args.json {
        Show::Json(None)
    } else if std::io::stdout().is_terminal() {
        Show::Picture(Box::new(Picture::new()?))
    } else {
        Show::Lines(BTreeMap::new())
    };
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut source, mut is_first, mut said) = (None, true, Vec::new());
    loop {
        ticks.tick().await;
        let report = async {
            if source.is_none() {
                source = args.connection.ask_source(operator).await?;
            }
            collect(operator, source.as_ref(), args.name.as_deref()).await
        };
        let notes = match report.await {
            Ok(report) => {
                show.update(&report, printer)?;
                notes(&report)
            }
            Err(error) if is_first || error.exit_code() != 1 => return Err(error.into()),
            // Whoever watches wants to see it come back.
            Err(error) => vec![error.to_string()],
        };
        is_first = false;
        if printer.is_closed() {
            return Ok(());
        }
        if notes != said {
            show.say(&notes, printer)?;
            said = notes;
        }
    }
}

/// How it is shown.
enum Show {
    /// What was printed last.
    Json(Option<Vec<Projection>>),
    /// What was printed last of each projection.
    Lines(BTreeMap<String, Projection>),
    Picture(Box<Picture>),
}

impl Show {
    fn update(&mut self, report: &Report, printer: &mut Printer) -> anyhow::Result<()> {
        let width = report.projections.iter().map(|projection| projection.name.len()).max().unwrap_or(0);
        match self {
            Show::Json(last) => {
                let still = Some(report.projections.iter().map(still).collect());
                if *last != still {
                    printer.out(as_json(report)?);
                    *last = still;
                }
            }
            Show::Lines(last) => {
                last.retain(|name, _| report.projections.iter().any(|projection| projection.name == *name));
                for projection in &report.projections {
                    if last.insert(projection.name.clone(), still(projection)) != Some(still(projection)) {
                        printer.out(text::line(projection, width));
                    }
                }
            }
            Show::Picture(picture) => picture.draw(report, width),
        }
        Ok(())
    }

    fn say(&self, notes: &[String], printer: &mut Printer) -> std::io::Result<()> {
        for note in notes {
            match self {
                Show::Picture(picture) => picture.lines.println(note)?,
                Show::Json(_) | Show::Lines(_) => printer.note(note),
            }
        }
        Ok(())
    }
}

/// A projection without what changes by itself while nothing happens.
fn still(projection: &Projection) -> Projection {
    let still = |rebuild: Rebuild| Rebuild { events_per_second: 0.0, eta_seconds: None, ..rebuild };
    Projection {
        lag_seconds: None,
        events_per_second: 0.0,
        rebuild: projection.rebuild.clone().map(still),
        ..projection.clone()
    }
}

/// A line a projection, and one for its rebuild.
struct Picture {
    lines: MultiProgress,
    line: ProgressStyle,
    bar: ProgressStyle,
    shown: BTreeMap<(String, bool), ProgressBar>,
}

impl Picture {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            lines: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            line: ProgressStyle::with_template("{wide_msg}")?,
            bar: ProgressStyle::with_template("  {bar:24} {percent:>3} %  {msg}")?,
            shown: BTreeMap::new(),
        })
    }

    fn draw(&mut self, report: &Report, width: usize) {
        let gone = |name: &str, is_rebuild: bool| {
            let shown = report.projections.iter().find(|projection| projection.name == name);
            shown.is_none_or(|projection| is_rebuild && projection.rebuild.is_none())
        };
        let lines = &self.lines;
        self.shown.retain(|(name, is_rebuild), bar| {
            let gone = gone(name, *is_rebuild);
            if gone {
                lines.remove(bar);
            }
            !gone
        });
        for projection in &report.projections {
            self.line(projection).set_message(text::brief(projection, width, wants_colour()));
            if let Some(rebuild) = &projection.rebuild {
                let bar = self.bar(projection);
                // A bar of no length would be full.
                bar.set_length(rebuild.total.unwrap_or(0).max(1));
                bar.set_position(rebuild.applied.unwrap_or(0));
                bar.set_message(text::rebuild(rebuild));
            }
        }
    }

    fn line(&mut self, projection: &Projection) -> &ProgressBar {
        let (lines, style) = (&self.lines, &self.line);
        let new = || lines.add(ProgressBar::new(0).with_style(style.clone()));
        self.shown.entry((projection.name.clone(), false)).or_insert_with(new)
    }

    fn bar(&mut self, projection: &Projection) -> &ProgressBar {
        let above = self.line(projection).clone();
        let (lines, style) = (&self.lines, &self.bar);
        let new = || lines.insert_after(&above, ProgressBar::new(0).with_style(style.clone()));
        self.shown.entry((projection.name.clone(), true)).or_insert_with(new)
    }
}
