//! What a host fetches from Kafka: how many bytes of messages its clients have received, as librdkafka counts them, and
//! whether all its lanes share one reader.

use std::collections::BTreeMap;

use crate::eventually::{NET, eventually};
use crate::host::Host;

/// What stands behind the source of a host of so many lanes that is to count. Each may have a client at first, and what these
/// say takes its time too: the more there are, the less often.
pub fn counting(lanes: usize) -> String {
    format!("?statistics.interval.ms={}", (2 * lanes).max(200))
}

/// What such a host has to log.
pub const LOG: &str = "info,lantern::source=debug";

/// Waits until all lanes of a host take their events from shared readers, one a partition, and no other reader is open. One
/// that is not wanted any more may fetch until it is closed.
#[track_caller]
pub fn until_shared(host: &Host, lanes: usize, partitions: usize) {
    eventually("all lanes share a reader, and no other is open", NET, || {
        let count = |says| lines(host, says).count();
        let joined = count("is read by the shared reader now");
        let open = count("partitions opens") - count("partitions is closed");
        let all = joined >= lanes && open == partitions;
        if all { Ok(()) } else { Err(format!("{joined} of {lanes} do, {open} readers are open")) }
    });
}

/// The bytes that a host has received in all, once that is more than so many and every client has said all that it has to
/// say: a client says what it had counted some time ago, for as long as it lives, so it has when two more of its lines are the
/// same.
#[track_caller]
pub fn bytes_of(host: &Host, at_least: u64) -> u64 {
    let before = said(host);
    eventually("every client has counted", NET, || {
        let now = said(host);
        let bytes: u64 = now.values().filter_map(|lines| lines.last()).sum();
        let new = |(client, lines): (&String, &Vec<u64>)| lines[before.get(client).map_or(0, Vec::len)..].to_vec();
        let rests = |lines: Vec<u64>| lines.is_empty() || matches!(lines[..], [.., a, b] if a == b);
        if bytes > at_least && now.iter().map(new).all(rests) { Ok(bytes) } else { Err(format!("{now:?}")) }
    })
}

/// What each client of a host has said again and again: how many bytes it has received.
fn said(host: &Host) -> BTreeMap<String, Vec<u64>> {
    let mut said: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (client, bytes) in lines(host, "bytes of messages").filter_map(client_and_bytes) {
        said.entry(client).or_default().push(bytes);
    }
    said
}

fn lines<'a>(host: &Host, says: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let lines: Vec<String> = host.stderr().lines().filter(|line| line.contains(says)).map(str::to_owned).collect();
    lines.into_iter()
}

/// `… librdkafka NAME has received N bytes of messages`
fn client_and_bytes(line: String) -> Option<(String, u64)> {
    let (_, rest) = line.split_once("librdkafka ")?;
    let (client, rest) = rest.split_once(" has received ")?;
    Some((client.to_owned(), rest.split_whitespace().next()?.parse().ok()?))
}
