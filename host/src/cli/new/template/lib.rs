//! What `{{name}}` keeps of the events of `{{topic}}`: how often each page was viewed (`ZREVRANGE {{name}}:pages 0 9 WITHSCORES`),
//! and what each visitor did (`HGET {{name}}:visitors ada`).

use lantern_sdk::prelude::*;

/// How an event says what it is. One of a type that stands neither here nor below can't be applied: nothing is passed over by
/// accident.
const TYPES: EventTypes = EventTypes::in_field("type").ignore(&["SignedUp"]);

/// The events that matter here. Fields that are not named are passed over.
#[derive(Deserialize)]
enum PageEvent {
    PageViewed { page: String, visitor: String },
}

/// A record of the view `visitors`.
#[derive(Default, Deserialize, Serialize)]
struct Visitor {
    views: u64,
    last_page: String,
}

struct {{Type}} {
    pages: Ranking,
    visitors: Table<Visitor>,
}

impl Projection for {{Type}} {
    const NAME: &'static str = "{{name}}";
    /// Raise it when the views mean something else: then they are built anew, from the first event.
    const REVISION: u32 = 1;
    const TOPICS: &'static [&'static str] = &["{{topic}}"];

    fn new(views: &mut Views) -> Self {
        Self { pages: views.ranking("pages"), visitors: views.table("visitors") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        if let Some(PageEvent::PageViewed { page, visitor }) = event.json_by(&TYPES)? {
            // To add is safe whatever partition an event comes from; a record should belong to the events' key.
            self.pages.add(&page, 1);
            let mut visitor = self.visitors.get_or_default(&visitor)?;
            visitor.views += 1;
            visitor.last_page = page;
        }
        Ok(())
    }
}

export!({{Type}});

#[cfg(test)]
mod tests;
