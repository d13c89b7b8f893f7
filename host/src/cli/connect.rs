//! How the commands of an operator reach their installation: `--redis`, and `--source` where events are asked about.

use super::operate::Operator;
use super::secret::Address;
use super::{UserError, source};
use crate::app::AnySource;
use crate::control::Snapshot;
use crate::store::redis::{Redis, RedisRegistry};

/// Where the installation is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Connection {
    /// Find the installation in this Redis
    #[arg(
        long,
        value_name = "URL",
        env = "LANTERN_REDIS",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379",
        value_parser = Address(source::parse_redis)
    )]
    redis: Redis,

    /// Ask this source about its topics [default: the one that the hosts read, without secret properties]
    #[arg(long, value_name = "URL", env = "LANTERN_SOURCE", hide_env_values = true, value_parser = Address(source::parse_source))]
    source: Option<AnySource>,
}

impl Connection {
    /// Whoever acts on the installation.
    pub(super) fn operator(&self) -> Operator {
        Operator::new(RedisRegistry::new(self.redis.clone()))
    }

    /// The Redis that has the installation.
    pub(super) fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The source, if it is named here or known to the installation.
    pub(super) fn source(&self, snapshot: &Snapshot) -> Option<AnySource> {
        self.source.clone().or_else(|| {
            let installation = snapshot.installation.as_ref()?;
            source::parse_source(&installation.source).ok()
        })
    }

    /// The source, by what the records say now.
    pub(super) async fn ask_source(&self, operator: &Operator) -> Result<Option<AnySource>, UserError> {
        Ok(self.source(&operator.snapshot().await?))
    }
}

/// Runs a command of an operator to its end.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
    let result = runtime.block_on(work);
    // A source that does not answer is not waited for.
    runtime.shutdown_background();
    result
}
