//! How the native contenders read Kafka: a tuned consumer with partitions assigned by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a consumer that begins in each partition at the given offset, or at the first. The ends of the partitions, as
/// they are now, come with it.
pub fn open(
    servers: &str,
    topic: &str,
    from: &BTreeMap<i32, i64>,
) -> anyhow::Result<(BaseConsumer, BTreeMap<i32, i64>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", format!("bench-{}", std::process::id()))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        // The default of one second stands still for that long whenever the queue was full.
        .set("fetch.queue.backoff.ms", "2")
        .set("queued.min.messages", "1000000")
        .set("queued.max.messages.kbytes", "65536")
        .create()
        .context("the consumer's settings")?;
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT).context("metadata")?;
    let partitions =
        metadata.topics().first().context("no such topic")?.partitions().iter().map(|partition| partition.id());
    let mut starts = TopicPartitionList::new();
    let mut ends = BTreeMap::new();
    for partition in partitions {
        let (first, end) = consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT).context("watermarks")?;
        // Numbers, because to look up `Offset::Beginning` takes half a second.
        let start = from.get(&partition).copied().unwrap_or(first);
        starts.add_partition_offset(topic, partition, Offset::Offset(start))?;
        ends.insert(partition, end);
    }
    consumer.assign(&starts)?;
    Ok((consumer, ends))
}
