//! Like Nexmark's query 8, who has opened an auction in the very window in which they came: `HGETALL
//! bench-new-sellers:sellers`.
//!
//! Persons and auctions have keys of their own, so the two sides of the join stand in different partitions: one lane reads
//! all of them. Which side comes first does not matter.

use lantern_sdk::prelude::*;

const WINDOW_MS: u64 = 10_000;

#[derive(Deserialize)]
enum MarketEvent {
    Person { id: u64, name: String, date_time: u64 },
    Auction { seller: u64, date_time: u64 },
}

/// Bids are on neither side.
const TYPES: EventTypes = EventTypes::in_field("type").ignore(&["Bid"]);

/// What is known of a person in a window.
#[derive(Default, Serialize, Deserialize)]
struct Sides {
    /// None = the person has not come in this window, or not yet.
    name: Option<String>,
    auctions: u64,
}

/// Who is on both sides.
#[derive(Serialize, Deserialize)]
struct Seller {
    name: String,
    auctions: u64,
}

struct NewSellers {
    /// `<window>/<person>` → what is known.
    sides: Table<Sides>,
    /// `<window>/<person>` → what readers read.
    sellers: Table<Seller>,
}

impl Projection for NewSellers {
    const NAME: &'static str = "bench-new-sellers";
    const TOPICS: &'static [&'static str] = &["nexmark-events"];
    const ORDERING: Ordering = Ordering::Global;

    fn new(views: &mut Views) -> Self {
        Self { sides: views.table("sides"), sellers: views.table("sellers") }
    }

    fn prefetch(&mut self, events: &Events<'_>) {
        // What can't be decoded says so when it is applied.
        let seen = events.iter().filter_map(|event| Seen::of(&event).ok()?);
        self.sides.prefetch(seen.map(|seen| seen.id));
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let Some(Seen { id, name, auctions }) = Seen::of(event)? else { return Ok(()) };
        let mut sides = self.sides.get_or_default(&id)?;
        sides.auctions += auctions;
        if name.is_some() {
            sides.name = name;
        }
        if let Sides { name: Some(name), auctions: 1.. } = &*sides {
            self.sellers.set(&id, Seller { name: name.clone(), auctions: sides.auctions });
        }
        Ok(())
    }
}

/// What an event says of a person in a window.
struct Seen {
    /// `<window>/<person>`.
    id: String,
    name: Option<String>,
    auctions: u64,
}

impl Seen {
    /// None if it is on neither side.
    fn of(event: &Event<'_>) -> Result<Option<Self>> {
        let (time, person, name, auctions) = match event.json_by(&TYPES)? {
            Some(MarketEvent::Person { id, name, date_time }) => (date_time, id, Some(name), 0),
            Some(MarketEvent::Auction { seller, date_time }) => (date_time, seller, None, 1),
            None => return Ok(None),
        };
        let id = format!("{}/{person}", time / WINDOW_MS * (WINDOW_MS / 1000));
        Ok(Some(Self { id, name, auctions }))
    }
}

export!(NewSellers);
