//! Makes so what the records say: which lanes run on this host, which generation is built and when it cuts over. Every
//! host does this for itself; there is no leader. A sick projection is stopped, and the others do not notice.

mod ages;
mod board;
mod desired;
mod drive;
mod host;
mod keeper;
mod modules;
mod roster;
mod topics;
mod upkeep;

use std::sync::Arc;

use crate::control;
use crate::lane::Fault;
use crate::source;
pub use board::{Board, Condition};
pub use host::{Host, Options};
pub use modules::{Loader, Unloadable};

/// Why a projection stopped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Stop {
    /// Its module can't be had or run.
    #[error("its module cannot be loaded: {}", .0.reason)]
    Module(Unloadable),
    /// Its topics can't be read.
    #[error("its topics cannot be read")]
    Topics(#[source] Arc<source::Error>),
    /// Its topics do not have the same number of partitions.
    #[error("topic `{}` has {} partitions and `{}` has {}: they are not co-partitioned", .0.0, .0.1, .1.0, .1.1)]
    NotCoPartitioned((String, u32), (String, u32)),
    /// One of its lanes can't go on.
    #[error(transparent)]
    Lane(Arc<Fault>),
    /// A lane of it can't go on, as a host has noted.
    #[error("{0}")]
    Noted(String),
}

impl Stop {
    /// Whether nothing that others do will let it go on.
    fn is_for_good(&self) -> bool {
        matches!(self, Stop::Topics(error) if matches!(**error, source::Error::Remade { .. }))
    }

    /// What the user can do about it that it has befallen the projection of this name.
    pub fn hint(&self, projection: &str) -> String {
        match self {
            Stop::Module(unloadable) => unloadable.hint.clone(),
            Stop::Topics(error) => of_source(error, projection),
            Stop::NotCoPartitioned(..) => {
                "give them the same number of partitions, or let the projection have `ordering: global`".to_owned()
            }
            Stop::Lane(fault) => match &**fault {
                Fault::Source(error) => of_source(error, projection),
                fault => fault.hint().to_owned(),
            },
            Stop::Noted(_) => "mend what it says, then `lantern resume` it or deploy a mended plugin".to_owned(),
        }
    }
}

/// The source's hint, with the name of the projection in the command that it advises.
fn of_source(error: &source::Error, projection: &str) -> String {
    match error {
        source::Error::NoSuchTopic { .. } => error.hint().to_owned(),
        error => error.hint().replace("NAME", projection),
    }
}

/// Why a host can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source will not have it.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The records are not for this version.
    #[error(transparent)]
    Records(#[from] control::Error),
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Source(error) => error.hint(),
            Error::Records(error) => error.hint(),
        }
    }
}
