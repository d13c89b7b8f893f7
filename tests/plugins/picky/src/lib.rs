//! A projection that can't apply some events until it is mended, and writes down in which order it has applied those of each
//! key. `mended` is what the operator has set: nothing, `some` or `all`.

use lantern_sdk::prelude::*;

struct Picky {
    /// By key: the offsets in the order in which they were applied, and their payloads' first words.
    seen: Table<Vec<String>>,
    mended: Option<String>,
}

impl Projection for Picky {
    const NAME: &'static str = "picky";
    const TOPICS: &'static [&'static str] = &["dishes"];

    fn new(views: &mut Views) -> Self {
        Self { seen: views.table("seen"), mended: lantern_sdk::config("mended") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let payload = String::from_utf8_lossy(event.payload().unwrap_or_default());
        let word = payload.split(' ').next().unwrap_or_default();
        match (word, self.mended.as_deref()) {
            ("bad", None) => return Err(Error::msg("it does not like this")),
            ("awful", None) => panic!("it can't stand this"),
            ("worse", None | Some("some")) => return Err(Error::msg("it does not like this at all")),
            _ => {}
        }
        let key = String::from_utf8_lossy(event.key().unwrap_or(b"none")).into_owned();
        self.seen.get_or_default(&*key)?.push(format!("{} {word}", event.offset()));
        Ok(())
    }
}

export!(Picky);
