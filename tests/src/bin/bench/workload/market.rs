//! The events of the Nexmark benchmark, by the generator of the crate `nexmark`: persons, auctions and bids, a thousand a
//! second of event time, in one topic.
//!
//! Auctions and their bids have the auction's id as key, so that all of an auction is in one partition; persons have their
//! own.

use lantern_tests::Event;
use lantern_tests::event::EPOCH_MS;
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Auction, Bid, Event as Nexmark, Person};
use serde::Serialize;

/// An event as it stands in the topic.
#[derive(Serialize)]
#[serde(tag = "type")]
enum Tagged<'a> {
    Person(&'a Person),
    Auction(&'a Auction),
    Bid(&'a Bid),
}

/// Events a second of event time: a million of them are a hundred windows of ten seconds.
const RATE: usize = 1_000;

/// So many events.
pub fn events(events: u64, partitions: u32) -> impl Iterator<Item = Event> {
    let config = NexmarkConfig {
        base_time: EPOCH_MS.unsigned_abs(),
        first_rate: RATE,
        next_rate: RATE,
        ..NexmarkConfig::default()
    };
    EventGenerator::new(config).take(events as usize).map(move |event| {
        let (tagged, key) = match &event {
            Nexmark::Person(person) => (Tagged::Person(person), person.id),
            Nexmark::Auction(auction) => (Tagged::Auction(auction), auction.id),
            Nexmark::Bid(bid) => (Tagged::Bid(bid), bid.auction),
        };
        let payload = serde_json::to_string(&tagged).expect("an event is plain data");
        Event::keyed(&key.to_string(), partitions, payload).at(event.timestamp().cast_signed())
    })
}
