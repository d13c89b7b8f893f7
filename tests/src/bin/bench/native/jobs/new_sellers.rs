//! Like Nexmark's query 8, who has opened an auction in the very window in which they came: a join of persons and auctions,
//! which come in any order.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{window_of, write_id};
use crate::native::table::Table;
use crate::native::{Commands, Job, Message, Origin};

/// The join, and its result.
pub struct NewSellers {
    /// `<window>/<person>` → what is known of both sides.
    sides: Table<Sides>,
    /// `<window>/<person>` → who is on both sides.
    sellers: Table<Seller>,
    /// The id of the rows that are looked at; its memory is used again.
    id: String,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    id: u64,
    #[serde(default)]
    seller: u64,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    date_time: u64,
}

/// A document of the view.
#[derive(Default, Serialize, Deserialize)]
struct Sides {
    /// None = the person has not come in this window, or not yet.
    name: Option<String>,
    auctions: u64,
}

/// A document of the view.
#[derive(Serialize, Deserialize)]
struct Seller {
    name: String,
    auctions: u64,
}

impl NewSellers {
    /// The job with its views under this name.
    pub fn open(projection: &str, origin: &Origin) -> anyhow::Result<NewSellers> {
        Ok(NewSellers {
            sides: Table::open(format!("{projection}:sides"), origin)?,
            sellers: Table::open(format!("{projection}:sellers"), origin)?,
            id: String::new(),
        })
    }
}

impl Job for NewSellers {
    fn apply(&mut self, message: &Message<'_>) -> anyhow::Result<()> {
        let event: Event<'_> = serde_json::from_slice(message.content()?)?;
        let (person, name, auctions) = match &*event.kind {
            "Person" => (event.id, Some(event.name.into_owned()), 0),
            "Auction" => (event.seller, None, 1),
            _ => return Ok(()),
        };
        write_id(&mut self.id, window_of(event.date_time), person)?;
        let sides = self.sides.change(&self.id)?.get_or_insert_default();
        sides.auctions += auctions;
        sides.name = name.or(sides.name.take());
        if let Sides { name: Some(name), auctions: 1.. } = sides {
            let seller = Seller { name: name.clone(), auctions: sides.auctions };
            self.sellers.set(&self.id, Some(seller));
        }
        Ok(())
    }

    fn take(&mut self, commands: &mut Commands) -> anyhow::Result<()> {
        self.sides.take(commands)?;
        self.sellers.take(commands)
    }
}
