//! The lanes of one projection.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Deployment, Stop, Supervisor};
use crate::event::TopicPartition;
use crate::lane::{Exit, Fault, Lane, Outages, Overlay, Status};
use crate::projection::{Ordering, Projection, Share};
use crate::sandbox::Module;
use crate::source::{self, Source};
use crate::store::{Session, Store};

/// How long to wait before a source that is away is asked again for a topic's partitions.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Runs all lanes of a projection. When one of them can't go on, the others finish their batch and end.
pub(super) async fn run<S, T, M>(
    supervisor: Supervisor<S, T>,
    deployment: Deployment<M>,
    outages: Outages,
    shutdown: CancellationToken,
) -> Result<(), Stop>
where
    S: Source,
    T: Store,
    M: Module<Views = Overlay<<T::Session as Session>::Cells>>,
{
    let projection = &deployment.projection;
    let Some(counts) = partitions(&supervisor.source, projection, &outages, &shutdown).await? else {
        return Ok(());
    };
    let mut lanes = JoinSet::new();
    let mut statuses = Vec::new();
    for (share, partitions) in shares(projection, &counts) {
        let (status, seen) = watch::channel(Status::default());
        statuses.push(seen);
        let lane = Lane {
            projection: projection.clone(),
            share,
            partitions,
            source: supervisor.source.clone(),
            module: deployment.module.clone(),
            store: supervisor.store.clone(),
            settings: supervisor.settings.clone(),
            outages: outages.clone(),
            status,
        };
        lanes.spawn(lane.run(shutdown.clone()));
    }
    supervisor.board.started(&projection.name, statuses);
    let mut result = Ok(());
    while let Some(ended) = lanes.join_next().await {
        let fault = match ended {
            Ok(Exit::Shutdown) => continue,
            Ok(Exit::Stopped(fault)) => fault,
            Err(panic) => {
                tracing::error!(projection = &*projection.name, "{panic}");
                Fault::Panic
            }
        };
        shutdown.cancel();
        result = result.and(Err(Stop::Lane(fault)));
    }
    result
}

/// How many partitions each topic has. None if told to stop before that is known.
async fn partitions<S: Source>(
    source: &S,
    projection: &Projection,
    outages: &Outages,
    shutdown: &CancellationToken,
) -> Result<Option<Vec<u32>>, Stop> {
    let mut counts = Vec::with_capacity(projection.topics.len());
    for topic in projection.topics.iter() {
        let count = loop {
            let asked = tokio::select! {
                asked = source.partitions(topic) => asked,
                () = shutdown.cancelled() => return Ok(None),
            };
            match asked {
                Ok(count) => break count,
                Err(error @ source::Error::Unavailable { .. }) => {
                    outages.failed("the source", &error, error.hint())
                }
                Err(error) => return Err(Stop::Topics(error)),
            }
            if tokio::time::timeout(ASK_AGAIN, shutdown.cancelled()).await.is_ok() {
                return Ok(None);
            }
        };
        counts.push(count);
    }
    outages.worked("the source");
    let different = (1..counts.len()).find(|&i| counts[i] != counts[0]);
    match different.filter(|_| projection.ordering == Ordering::Partition) {
        None => Ok(Some(counts)),
        Some(i) => {
            let side = |i: usize| (projection.topics[i].to_string(), counts[i]);
            Err(Stop::NotCoPartitioned(side(0), side(i)))
        }
    }
}

/// Which lane reads what.
fn shares(projection: &Projection, counts: &[u32]) -> Vec<(Share, Vec<(u32, TopicPartition)>)> {
    let all = (0u32..).zip(projection.topics.iter().zip(counts)).flat_map(|(index, (topic, count))| {
        (0..*count).map(move |partition| (index, TopicPartition::new(topic.clone(), partition)))
    });
    match projection.ordering {
        Ordering::Global => vec![(Share::Whole, all.collect())],
        Ordering::Partition => {
            let all: Vec<_> = all.collect();
            let of = |partition: u32| all.iter().filter(|(_, at)| at.partition == partition).cloned().collect();
            (0..counts[0]).map(|partition| (Share::Partition(partition), of(partition))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projection(ordering: Ordering) -> Projection {
        Projection {
            name: "p".into(),
            generation: 1,
            prefix: "p:".into(),
            topics: ["a".into(), "b".into()].into(),
            views: [].into(),
            ordering,
        }
    }

    fn text(shares: Vec<(Share, Vec<(u32, TopicPartition)>)>) -> Vec<String> {
        let read = |(index, at): &(u32, TopicPartition)| format!("{index}={at}");
        shares
            .iter()
            .map(|(share, reads)| format!("{share}: {}", reads.iter().map(read).collect::<Vec<_>>().join(" ")))
            .collect()
    }

    #[test]
    fn co_partitioned_topics_meet_in_one_lane() {
        let shares = shares(&projection(Ordering::Partition), &[2, 2]);
        assert_eq!(text(shares), ["0: 0=a/0 1=b/0", "1: 0=a/1 1=b/1"]);
    }

    #[test]
    fn global_order_is_one_lane() {
        let shares = shares(&projection(Ordering::Global), &[2, 1]);
        assert_eq!(text(shares), ["all: 0=a/0 0=a/1 1=b/0"]);
    }
}
