//! What the operator has set, as a projection reads it.

use lantern_sdk::prelude::*;
use lantern_sdk::testing::{Failure, Harness, event};

/// Lists the value that each event asks for, and before it the one that was there at the start.
struct Reader {
    read: List,
    at_start: Option<String>,
}

impl Projection for Reader {
    const NAME: &'static str = "reader";
    const TOPICS: &'static [&'static str] = &["names"];

    fn new(views: &mut Views) -> Self {
        Self { read: views.list("read", 10), at_start: lantern_sdk::config("colour") }
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        self.read.push(format!("{:?} {:?}", self.at_start, lantern_sdk::config(event.key_str()?)));
        Ok(())
    }
}

#[test]
fn a_value_is_there_from_the_start_and_in_every_instance() -> Result<(), Failure> {
    let mut harness = Harness::<Reader>::with_config([("colour", "green"), ("size", "")]);
    harness.apply(event("colour", ""))?;
    harness.restart();
    harness.batch([event("size", ""), event("Colour", "")])?;
    assert_eq!(
        harness.list("read"),
        [r#"Some("green") None"#, r#"Some("green") Some("")"#, r#"Some("green") Some("green")"#]
    );
    Ok(())
}

#[test]
fn each_harness_has_its_own() -> Result<(), Failure> {
    let mut green = Harness::<Reader>::with_config([("colour", "green")]);
    let mut none = Harness::<Reader>::new();
    green.apply(event("colour", ""))?;
    none.apply(event("colour", ""))?;
    green.apply(event("colour", ""))?;
    assert_eq!(green.list("read"), [r#"Some("green") Some("green")"#; 2]);
    assert_eq!(none.list("read"), ["None None"]);
    Ok(())
}
