//! What an event tells, how failures and log lines name it.

use lantern_sdk::log::Level;
use lantern_sdk::prelude::*;
use lantern_sdk::testing::{Failure, Harness, LogLine, event, tombstone};

/// Writes down all that an event tells.
struct Scribe(List);

impl Projection for Scribe {
    const NAME: &'static str = "scribe";
    const TOPICS: &'static [&'static str] = &["first", "second"];

    fn new(views: &mut Views) -> Self {
        Self(views.list("seen", 10))
    }

    fn prefetch(&mut self, events: &Events<'_>) {
        log::debug!("{} events, {} keys", events.iter().len(), events.keys().count());
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        log::info!("at {}", event.offset());
        if event.payload() == Some(b"bad") {
            return Err(Error::msg("it is bad"));
        }
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let headers: Vec<_> = event.headers().map(|(name, value)| (text(Some(name)), text(value))).collect();
        self.0.push(format!(
            "{}[{}]@{} at {:?}: {:?} = {:?}, source {:?} of {headers:?}",
            event.topic(),
            event.partition(),
            event.offset(),
            event.timestamp(),
            event.key_str().ok(),
            text(event.payload()),
            text(event.header("source")),
        ));
        Ok(())
    }
}

#[test]
fn an_event_tells_all_that_the_record_has() -> Result<(), Failure> {
    let mut harness = Harness::<Scribe>::new();
    harness.batch([
        event("k", "p")
            .topic("second")
            .partition(3)
            .offset(17)
            .timestamp(1_700_000_000_000)
            .header("source", "app")
            .header_without_value("flag")
            .header("source", "web"),
        tombstone("").offset(19),
        event("", "").no_key().offset(20),
    ])?;
    assert_eq!(
        harness.list("seen"),
        [
            r#"first[0]@20 at None: None = Some(""), source None of []"#,
            r#"first[0]@19 at None: Some("") = None, source None of []"#,
            concat!(
                r#"second[3]@17 at Some(1700000000000): Some("k") = Some("p"), source Some("web") of "#,
                r#"[(Some("source"), Some("app")), (Some("flag"), None), (Some("source"), Some("web"))]"#
            ),
        ]
    );
    Ok(())
}

#[test]
fn a_failure_names_its_event_and_nothing_is_written() {
    let mut harness = Harness::<Scribe>::new();
    let failure = harness.batch([event("k", "good"), event("k", "bad"), event("k", "good")]);
    assert_eq!(failure, Err(Failure { event: 1, message: "it is bad".into() }));
    assert!(harness.list("seen").is_empty());
}

#[test]
fn a_log_line_carries_the_event() -> Result<(), Failure> {
    let mut harness = Harness::<Scribe>::new();
    harness.batch([event("k", "a").offset(5), event("k", "b").offset(9)])?;
    let line = |level, event, message: &str| LogLine { level, event, message: message.into() };
    assert_eq!(
        harness.log(),
        [
            line(Level::Debug, None, "2 events, 2 keys"),
            line(Level::Info, Some(0), "at 5"),
            line(Level::Info, Some(1), "at 9"),
        ]
    );
    Ok(())
}
