//! The rules of CloudEvents 1.0 that the conformance cases leave out: from `spec.md`, `bindings/kafka-protocol-binding.md` and
//! `formats/json-format.md` of the repository `cloudevents/spec`.

use lantern_sdk::testing::{event, tombstone};
use serde_json::{Value, json};

use super::{as_binary, binary, minimal, read, structured};

const HEADERS: [(&str, &str); 4] =
    [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/lantern"), ("ce_type", "test")];

#[track_caller]
fn refused(event: lantern_sdk::testing::TestEvent, reason: &str) {
    let found = read(event).expect_err(reason);
    assert!(found.contains(reason), "{found}");
}

#[test]
fn an_event_that_is_none_says_what_is_missing() {
    refused(event("k", "{}"), "the event is not a CloudEvent: it has neither headers `ce_…` nor the content-type");
    refused(event("k", "{}").header("content-type", "application/json"), "the event is not a CloudEvent");
    // A structured one whose content type is missing is binary by the rules.
    refused(
        event("k", minimal(json!({})).to_string()),
        "if the producer leaves that out, read it by `CloudEvent::from_json`",
    );
    refused(tombstone("k"), "the event is a tombstone and not a CloudEvent");
    // One that has begun to be one is one, or wrong.
    refused(
        event("k", "{}").header("ce_id", "1"),
        "not a valid CloudEvent: the required attribute `specversion` is missing",
    );
}

#[test]
fn formats_other_than_json_are_refused() {
    for other in ["application/cloudevents+avro", "application/cloudevents+protobuf", "application/cloudevents"] {
        refused(event("k", "").header("content-type", other), &format!("its format `{other}` is not known"));
    }
    refused(
        event("k", "").header("content-type", "application/cloudevents+json;"),
        "`content-type` is not a media type",
    );
    refused(
        structured(&minimal(json!({}))).header("content-type", "application/json"),
        "the header `content-type` stands there twice",
    );
}

#[test]
fn the_case_of_a_media_type_does_not_count() {
    let mut expected = minimal(json!({}));
    expected.as_object_mut().unwrap().remove("specversion");
    for (header, value) in [
        ("content-type", "Application/CloudEvents+JSON; Charset=\"UTF-8\""),
        ("Content-Type", "application/cloudevents+json ; charset=utf-8; x=\"a\\\"b;\""),
    ] {
        assert_eq!(read(event("k", minimal(json!({})).to_string()).header(header, value)), Ok(expected.clone()));
    }
    let found = read(binary(&[&HEADERS[..], &[("content-type", "Application/Vnd.Shop+JSON")]].concat(), "[1]"));
    assert_eq!(found.unwrap()["json"], json!([1]));
}

#[test]
fn headers_of_a_structured_event_are_only_copies() {
    let event = structured(&minimal(json!({}))).header("ce_id", "another").header("ce_Odd", "");
    assert_eq!(read(event).unwrap()["id"], "1");
}

#[test]
fn a_binary_event_may_have_no_data() {
    let event = HEADERS.iter().fold(tombstone("k"), |event, (name, value)| event.header(name, value));
    assert_eq!(read(event), Ok(json!({"id": "1", "source": "/lantern", "type": "test"})));
    refused(
        tombstone("k").header("content-type", "application/cloudevents+json"),
        "it is structured, and has no payload",
    );
}

#[test]
fn an_attribute_stands_there_once() {
    refused(binary(&[&HEADERS[..], &[("ce_id", "2")]].concat(), ""), "the attribute `id` stands there twice");
    refused(
        binary(&[&HEADERS[..], &[("ce_x", "1"), ("ce_x", "1")]].concat(), ""),
        "the attribute `x` stands there twice",
    );
    let both = [("content-type", "text/plain"), ("ce_datacontenttype", "text/plain")];
    refused(binary(&[&HEADERS[..], &both].concat(), ""), "the attribute `datacontenttype` stands there twice");
    for twice in ["id", "time", "x", "data", "data_base64"] {
        let text = minimal(json!({"time": "2018-04-05T17:31:00Z", "x": "1"})).to_string();
        let value = if twice == "time" { "2018-04-05T17:31:00Z" } else { "MQ==" };
        let text = text.replace('}', &format!(r#","{twice}":"{value}","{twice}":"{value}"}}"#));
        refused(event("k", text).header("content-type", "application/cloudevents+json"), twice);
    }
}

#[test]
fn names_and_texts_have_rules() {
    for name in ["MyExtension", "my-extension", "my_extension", "ä", ""] {
        let reason = format!("an attribute can't be called `{name}`");
        refused(structured(&minimal(json!({name: "x"}))), &reason);
        refused(as_binary(&minimal(json!({name: "x"}))), &reason);
    }
    refused(as_binary(&minimal(json!({"data": "x"}))), "an attribute can't be called `data`");
    for text in ["a\nb", "a\u{7f}b", "a\u{85}b", "a\u{fdd0}b", "a\u{1ffff}b"] {
        for name in ["id", "subject", "extension"] {
            let reason = format!("`{name}` has a character that is not allowed");
            refused(structured(&minimal(json!({name: text}))), &reason);
            refused(as_binary(&minimal(json!({name: text}))), &reason);
        }
    }
    let lone_surrogate = minimal(json!({})).to_string().replace("\"1\"", r#""\uDEAD""#);
    refused(
        event("k", lone_surrogate).header("content-type", "application/cloudevents+json"),
        "not a valid CloudEvent",
    );
    refused(binary(&HEADERS, "").header("ce_x", [0xff]), "`x` is not UTF-8");
    // An extension may be empty, and other scripts are welcome.
    let found = read(structured(&minimal(json!({"empty": "", "subject": "Ünïcode 🌎"})))).unwrap();
    assert_eq!((&found["extensions"]["empty"], &found["subject"]), (&json!(""), &json!("Ünïcode 🌎")));
}

#[test]
fn an_extension_is_text_a_boolean_or_a_whole_number_of_32_bits() {
    for value in [json!("x"), json!(true), json!(0), json!(i32::MAX), json!(i32::MIN)] {
        let found = read(structured(&minimal(json!({"x": value})))).unwrap();
        assert_eq!(found["extensions"]["x"], value);
    }
    for value in [json!(2_147_483_648_u64), json!(-2_147_483_649_i64), json!(1.0), json!([]), json!({"a": 1})] {
        refused(structured(&minimal(json!({"x": value}))), "`x`: invalid ");
    }
    assert_eq!(read(structured(&minimal(json!({"x": null})))).unwrap().get("extensions"), None);
}

#[test]
fn times_are_those_of_rfc_3339() {
    for (time, millis) in [
        ("1970-01-01T00:00:00Z", 0_i64),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2000-02-29t12:00:00z", 951_825_600_000),
        ("2024-02-29T00:00:00.1239-23:59", 1_709_251_140_123),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2017-01-01T00:59:60+01:00", 1_483_228_800_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799_999),
    ] {
        let document = minimal(json!({"time": time}));
        for event in [structured(&document), as_binary(&document)] {
            let found = read(event).unwrap();
            assert_eq!((&found["time"], &found["millis"]), (&json!(time), &json!(millis)));
        }
    }
    for time in [
        "2018-13-01T00:00:00Z",
        "2018-00-01T00:00:00Z",
        "2018-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2018-04-31T00:00:00Z",
        "2018-04-00T00:00:00Z",
        "2018-04-05T24:00:00Z",
        "2018-04-05T00:60:00Z",
        "2018-04-05T00:00:61Z",
        "2018-04-05T00:00:60Z",
        "2018-04-05T00:00:00",
        "2018-04-05T00:00:00.Z",
        "2018-04-05T00:00:00,5Z",
        "2018-04-05T00:00:00+0100",
        "2018-04-05T00:00:00+01:60",
        "2018-04-05T00:00:00Z ",
        " 2018-04-05T00:00:00Z",
        "2018-04-05 00:00:00Z",
        "2018-4-5T00:00:00Z",
        "+2018-04-05T00:00:00Z",
        "2018-04-05",
        "1522900584000",
    ] {
        refused(structured(&minimal(json!({"time": time}))), "`time` is not a time of RFC 3339");
    }
    refused(structured(&minimal(json!({"time": 1_522_900_584}))), "`time` must be text and is 1522900584");
}

#[test]
fn sources_and_schemas_are_uris() {
    for source in [
        "https://github.com/cloudevents?a=b%20c#d",
        "mailto:cncf-wg-serverless@lists.cncf.io",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
        "/cloudevents/spec/pull/123",
        "1-555-123-4567",
        "//user:word@[2001:db8::1]:80/a",
        "./a:b",
        "?q",
    ] {
        assert_eq!(read(structured(&minimal(json!({"source": source})))).unwrap()["source"], source);
    }
    for source in ["a b", "/a|b", "/tür", "%4", "%zz", "1a:b", "http://[::1", "http://a:x/", "#a#b", "/[a]"] {
        refused(structured(&minimal(json!({"source": source}))), "`source` is not a URI-reference");
    }
    for schema in ["/a/schema", "schema", "#a", "1a:b"] {
        refused(structured(&minimal(json!({"dataschema": schema}))), "`dataschema` is not an absolute URI");
    }
    let found = read(structured(&minimal(json!({"dataschema": "https://a/b#/c"})))).unwrap();
    assert_eq!(found["dataschema"], "https://a/b#/c");
}

#[test]
fn structured_data_are_json_text_or_base64() {
    let data = |members: Value| {
        let found = read(structured(&minimal(members)))?;
        let part = |name: &str| found.get(name).cloned();
        Ok::<_, String>((part("json"), part("text"), part("datacontenttype")))
    };
    let implied = Some(json!("application/json"));
    // Any JSON, as it is; a text is not taken for JSON once more. An explicit null is not the same as none.
    for value in [json!({"a": [1]}), json!(1.5), json!("I'm just a string"), json!("{}"), json!(true), json!(null)]
    {
        assert_eq!(data(json!({"data": value})), Ok((Some(value), None, implied.clone())));
    }
    assert_eq!(data(json!({})), Ok((None, None, None)));
    // Text of another media type, with escapes and without.
    for xml in [r#"<much wow="xml"/>"#, "<much/>"] {
        let members = json!({"datacontenttype": "application/xml", "data": xml});
        assert_eq!(data(members), Ok((None, Some(json!(xml)), Some(json!("application/xml")))));
    }
    let members = json!({"datacontenttype": "application/xml", "data": {"a": 1}});
    refused(structured(&minimal(members)), "`data` must be text where `datacontenttype` is not JSON");
    // Base64 is not of any type that is not told.
    let members = json!({"data_base64": "eyAieHl6IjogMTIzIH0="});
    assert_eq!(data(members), Ok((Some(json!({"xyz": 123})), None, None)));
    let members = json!({"datacontenttype": "image/png", "data_base64": "eyAieHl6IjogMTIzIH0=", "data": null});
    refused(structured(&minimal(members)), "it has both `data` and `data_base64`");
    let members = json!({"data_base64": null, "data": 1});
    assert_eq!(data(members), Ok((Some(json!(1)), None, implied)));
    for wrong in ["eyAieHl6IjogMTIzIH0", "not base64!", "TWE-"] {
        refused(structured(&minimal(json!({"data_base64": wrong}))), "`data_base64` is not base64");
    }
    refused(structured(&minimal(json!({"data_base64": 5}))), "invalid type: integer `5`");
}
