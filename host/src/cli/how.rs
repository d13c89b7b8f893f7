//! How a generation is to be built: what the commands that begin rebuilds take.

use crate::control::Rebuild;

/// How a rebuild is to go.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Rebuild")]
pub(super) struct How {
    /// Wait for `lantern promote` before the new generation becomes the live one
    #[arg(long)]
    hold: bool,

    /// Compare with the live views at the same offsets before the cutover, and hold the new ones if they differ
    #[arg(long)]
    verify: bool,

    /// Move the structures of keyed views in chunks if they are too many for one step: until all have moved, readers may
    /// see some of the old generation and some of the new, and neither follows its topics
    #[arg(long)]
    chunked: bool,

    /// Apply at most this many events a second, of all partitions together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,

    /// Rebuild from the earliest events that there are, although some of the history is gone
    #[arg(long)]
    pub(super) from_earliest: bool,
}

impl How {
    pub(super) fn rebuild(&self) -> Rebuild {
        Rebuild { hold: self.hold, verify: self.verify, chunked: self.chunked, rate: self.rate }
    }
}
