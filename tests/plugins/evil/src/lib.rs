//! A projection that does what its events and its operator tell it, above all what a plugin must not do: the host must live with it.

use lantern_sdk::prelude::*;

/// What an event tells it to do. Every event that gets through is counted.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Deed {
    /// Be good.
    Count,
    /// Say so many lines in the host's log.
    Log { lines: u32 },
    /// Refuse the event.
    Refuse,
    /// Panic.
    Panic,
    /// Never come back.
    Loop,
    /// Take memory until there is none.
    Hoard,
    /// Call oneself without end.
    Recurse,
    /// Write rows of these names.
    Rows { names: Vec<String> },
    /// Write a row whose name has so many bytes.
    LongName { bytes: usize },
    /// Write so many rows of so many bytes each.
    Flood { rows: u32, bytes: usize },
}

struct Evil {
    deeds: Counters,
    rows: Table<String>,
}

impl Projection for Evil {
    const NAME: &'static str = "evil";
    const TOPICS: &'static [&'static str] = &["deeds"];

    fn new(views: &mut Views) -> Self {
        if let Some(message) = lantern_sdk::config("panic-at-start") {
            panic!("{message}");
        }
        Self { deeds: views.counters("deeds"), rows: views.table("rows") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let deed: Deed = serde_json::from_slice(event.payload().unwrap_or_default())?;
        match deed {
            Deed::Count => {}
            Deed::Log { lines } => (0..lines).for_each(|line| log::info!("evil says {line}")),
            Deed::Refuse => return Err(Error::msg("evil refuses")),
            Deed::Panic => panic!("evil panics"),
            Deed::Loop => loop {
                std::hint::black_box(());
            },
            Deed::Hoard => hoard(),
            Deed::Recurse => drop(std::hint::black_box(recurse(1))),
            Deed::Rows { names } => names.into_iter().for_each(|name| self.rows.set(name, "here".to_owned())),
            Deed::LongName { bytes } => self.rows.set("n".repeat(bytes), String::new()),
            Deed::Flood { rows, bytes } => {
                (0..rows).for_each(|row| self.rows.set(row.to_string(), "x".repeat(bytes)));
            }
        }
        self.deeds.add("done", 1);
        Ok(())
    }
}

#[expect(unconditional_recursion, reason = "it is what an evil plugin does")]
fn recurse(depth: u64) -> u64 {
    // What is added afterwards makes it a call and no loop.
    std::hint::black_box(recurse(std::hint::black_box(depth + 1))) + depth
}

fn hoard() {
    let mut treasure = Vec::new();
    loop {
        treasure.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&treasure);
    }
}

export!(Evil);
