//! The data of CloudEvents by their type, in both modes, with versions and what is ignored.

use std::borrow::Cow;

use lantern_sdk::prelude::*;
use lantern_sdk::testing::{Failure, Harness, TestEvent, event, tombstone};
use serde_json::{Map, Value, json};

use super::{binary, minimal, structured};

#[derive(Debug, Deserialize)]
enum Parcel<'a> {
    #[serde(rename = "parcel.sent")]
    Sent {
        #[serde(borrow)]
        to: Cow<'a, str>,
    },
    #[serde(rename = "parcel.lost")]
    Lost,
}

const SUFFIX: EventTypes = EventTypes::of_cloud_events()
    .versions_in_type(".v")
    .upcast(&[("parcel.sent", 1, receiver_as_to)])
    .ignore(&["parcel.weighed"]);
const ATTRIBUTE: EventTypes = EventTypes::of_cloud_events()
    .versions_in_attribute("dataversion")
    .upcast(&[("parcel.sent", 1, receiver_as_to)])
    .ignore_others()
    .ignore_tombstones();

fn receiver_as_to(event: &mut Map<String, Value>) -> Result<()> {
    let receiver = event.remove("receiver").ok_or_else(|| Error::msg("it has no `receiver`"))?;
    event.insert("to".into(), receiver);
    Ok(())
}

struct Decoder(List);

impl Projection for Decoder {
    const NAME: &'static str = "decoder";
    const TOPICS: &'static [&'static str] = &["suffix", "attribute", "strict", "headerless"];

    fn new(views: &mut Views) -> Self {
        Self(views.list("decoded", 1))
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        let parcel: Option<Parcel<'_>> = match event.topic() {
            "suffix" => event.json_by(&SUFFIX)?,
            "attribute" => event.json_by(&ATTRIBUTE)?,
            "strict" => Some(event.cloud_event()?.json_by_type()?),
            _ => CloudEvent::from_json(event.payload().unwrap_or_default())?.json_by(&SUFFIX)?,
        };
        let borrowed = matches!(&parcel, Some(Parcel::Sent { to: Cow::Borrowed(_) }));
        let borrowed = if borrowed { " borrowed" } else { "" };
        self.0.push(format!("{parcel:?}{borrowed}"));
        Ok(())
    }
}

fn decoded(topic: &'static str, event: TestEvent) -> String {
    let mut harness = Harness::<Decoder>::new();
    match harness.apply(event.topic(topic)) {
        Ok(()) => harness.list("decoded").remove(0),
        Err(Failure { message, .. }) => format!("error: {message}"),
    }
}

/// The same event in both modes.
#[track_caller]
fn check(topic: &'static str, event_type: &str, extensions: &[(&str, i32)], data: Value, expected: &str) {
    let mut document = minimal(json!({"type": event_type, "data": data}));
    let mut headers: Vec<(String, String)> =
        [("specversion", "1.0"), ("id", "1"), ("source", "/lantern"), ("type", event_type)]
            .map(|(name, value)| (format!("ce_{name}"), value.to_owned()))
            .into();
    for (name, value) in extensions {
        document[*name] = json!(value);
        headers.push((format!("ce_{name}"), value.to_string()));
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for event in [structured(&document), binary(&headers, &data.to_string())] {
        let found = decoded(topic, event);
        assert!(found.starts_with(expected), "{found}");
    }
}

const SENT: &str = r#"Some(Sent { to: "Ada" })"#;

#[test]
fn the_type_names_the_variant_in_both_modes() {
    let borrowed = format!("{SENT} borrowed");
    check("suffix", "parcel.sent.v2", &[], json!({"to": "Ada"}), &borrowed);
    check("suffix", "parcel.sent", &[], json!({"receiver": "Ada"}), SENT);
    check("suffix", "parcel.lost", &[], json!({}), "Some(Lost)");
    check("suffix", "parcel.weighed.v9", &[], json!("whatever"), "None");
    check("attribute", "parcel.sent", &[("dataversion", 2)], json!({"to": "Ada"}), &borrowed);
    check("attribute", "parcel.sent", &[], json!({"receiver": "Ada"}), SENT);
    check("attribute", "parcel.other", &[("dataversion", 9)], json!({}), "None");
    check("strict", "parcel.sent", &[], json!({"to": "Ada"}), &borrowed);
    let document = minimal(json!({"type": "parcel.lost"})).to_string();
    assert_eq!(decoded("headerless", event("k", document)), "Some(Lost)");
}

#[test]
fn what_can_not_be_decoded_is_named() {
    let error = "error: CloudEvent `1` of type `parcel.found`: unknown event type `parcel.found`: Parcel has ";
    check("suffix", "parcel.found", &[], json!({}), error);
    check("strict", "parcel.found", &[], json!({}), error);
    let error =
        "error: CloudEvent `1` of type `parcel.sent.v3`: unknown version 3 of `parcel.sent`: known is 1 to 2;";
    check("suffix", "parcel.sent.v3", &[], json!({}), error);
    let error = "error: CloudEvent `1` of type `parcel.sent`: unknown version 3 of `parcel.sent`";
    check("attribute", "parcel.sent", &[("dataversion", 3)], json!({}), error);
    let error = "error: CloudEvent `1` of type `parcel.sent.v2`: the payload is not valid JSON for Parcel: missing field `to`";
    check("suffix", "parcel.sent.v2", &[], json!({}), error);
    let found = decoded("suffix", event("k", "{}"));
    assert!(found.starts_with("error: the event is not a CloudEvent"), "{found}");
}

#[test]
fn data_that_are_not_json_are_refused_or_ignored_with_their_type() {
    let xml = |event_type: &str| {
        structured(&minimal(json!({"type": event_type, "datacontenttype": "text/xml", "data": "<a/>"})))
    };
    let found = decoded("strict", xml("parcel.lost"));
    assert!(found.contains("its data are of the media type `text/xml`, which is not JSON"), "{found}");
    let found = decoded("suffix", xml("parcel.sent"));
    assert!(found.contains("its data are of the media type `text/xml`, which is not JSON"), "{found}");
    assert_eq!(decoded("suffix", xml("parcel.weighed")), "None");
    assert_eq!(decoded("attribute", xml("parcel.other")), "None");
    let base64 = structured(&minimal(json!({"type": "parcel.sent.v2", "data_base64": "eyJ0byI6IkFkYSJ9"})));
    assert_eq!(decoded("suffix", base64), SENT);
}

#[test]
fn an_event_without_data_fits_a_variant_without_content() {
    let without = |event_type: &str| {
        let headers = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/l"), ("ce_type", event_type)];
        headers.iter().fold(tombstone("k"), |event, (name, value)| event.header(name, value))
    };
    for topic in ["suffix", "attribute", "strict"] {
        assert_eq!(decoded(topic, without("parcel.lost")), "Some(Lost)");
        let found = decoded(topic, without("parcel.sent"));
        assert!(found.starts_with("error: CloudEvent `1` of type `parcel.sent`: "), "{found}");
        assert!(found.contains("null") || found.contains("no data"), "{found}");
    }
    assert_eq!(decoded("suffix", structured(&minimal(json!({"type": "parcel.lost"})))), "Some(Lost)");
}

#[test]
fn a_tombstone_that_is_no_cloud_event_is_ignored_only_if_that_is_declared() {
    assert_eq!(decoded("attribute", tombstone("k")), "None");
    let found = decoded("suffix", tombstone("k"));
    assert!(found.starts_with("error: the event is a tombstone, which has no type: "), "{found}");
}

#[test]
fn an_extension_reads_alike_as_number_and_as_text() {
    use lantern_sdk::cloud_events::Attribute;
    assert_eq!(Attribute::Text("-5".into()), Attribute::Integer(-5));
    assert_eq!(Attribute::Text("-5".into()).as_i32(), Some(-5));
    assert_eq!(Attribute::Text("true".into()), Attribute::Boolean(true));
    assert_eq!(Attribute::Text("true".into()).as_bool(), Some(true));
    for text in ["", "+5", "05", "2147483648", "five", "5.0"] {
        assert_eq!(Attribute::Text(text.into()).as_i32(), None, "{text}");
    }
    assert_eq!(Attribute::Boolean(true).as_i32(), None);
    assert_eq!(Attribute::Integer(1).as_bool(), None);
}
