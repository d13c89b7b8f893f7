//! The public conformance cases of CloudEvents 1.0 for Kafka and JSON, each under the name that it has there.
//!
//! What is tested comes from the repository `cloudevents/conformance`: the scenarios of
//! `features/kafka-protocol-binding.feature`, and of the branch `format-tests` the cases of `format/json/valid-events.json`,
//! `invalid-events.json`, `valid-batches.json` and `invalid-batches.json`; and `yaml/v1.0/v1_minimum.yaml` and `yaml/v1.yaml`, which are
//! written for HTTP, sent here over Kafka. The values are our own where a case does not depend on them.

use serde_json::{Value, json};

use super::{as_binary, binary, read, structured};
use lantern_sdk::testing::event;

const TIME_MS: i64 = 1_522_949_460_000;

fn base(id: &str, more: Value) -> Value {
    let mut document =
        json!({"specversion": "1.0", "id": id, "type": "io.cloudevents.test", "source": "https://cloudevents.io"});
    for (name, value) in more.as_object().expect("a case is an object") {
        document[name] = value.clone();
    }
    document
}

fn greeting() -> Value {
    json!({
        "id": "1234-1234-1234", "type": "com.example.someevent", "source": "/mycontext/subcontext",
        "time": "2018-04-05T03:56:24Z", "datacontenttype": "application/json", "millis": 1_522_900_584_000_i64,
        "json": {"message": "Hello World!"},
    })
}

/// `kafka-protocol-binding.feature`, "Binary content mode".
#[test]
fn kafka_binary() {
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "1234-1234-1234"),
        ("ce_type", "com.example.someevent"),
        ("ce_source", "/mycontext/subcontext"),
        ("ce_time", "2018-04-05T03:56:24Z"),
        ("content-type", "application/json"),
    ];
    assert_eq!(read(binary(&headers, r#"{"message": "Hello World!"}"#)), Ok(greeting()));
}

/// `kafka-protocol-binding.feature`, "Structured content mode", with both of its content types.
#[test]
fn kafka_structured() {
    let payload = r#"
        {
            "specversion": "1.0", "type": "com.example.someevent", "time": "2018-04-05T03:56:24Z",
            "id": "1234-1234-1234", "source": "/mycontext/subcontext", "datacontenttype": "application/json",
            "data": {"message": "Hello World!"}
        }
    "#;
    for content_type in ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8"] {
        assert_eq!(read(event("k", payload).header("content-type", content_type)), Ok(greeting()));
    }
}

/// `format/json/valid-events.json`: what is to be read from each.
#[test]
fn json_valid_events() {
    let same = || json!({});
    let timed = || json!({"millis": TIME_MS});
    let cases = [
        ("validMinimal", base("minimal", json!({})), same()),
        (
            "validMinimalWithNullForOptional",
            base("minimal", json!({"datacontenttype": null, "dataschema": null, "subject": null, "time": null})),
            same(),
        ),
        (
            "validAllCoreAttributes",
            base(
                "allCore",
                json!({
                    "datacontenttype": "text/plain", "dataschema": "https://cloudevents.io/dataschema",
                    "subject": "tests", "time": "2018-04-05T17:31:00Z",
                }),
            ),
            timed(),
        ),
        ("validMinimalWithTimeUtc", base("minimalWithTime", json!({"time": "2018-04-05T17:31:00Z"})), timed()),
        (
            "validMinimalWithTimeToNanosecondsUtc",
            base("minimalWithTime", json!({"time": "2018-04-05T17:31:00.000000000Z"})),
            timed(),
        ),
        (
            "validMinimalWithTimeUsingPositiveOffset",
            base("minimalWithTime", json!({"time": "2018-04-05T18:31:00+01:00"})),
            timed(),
        ),
        (
            "validMinimalWithTimeUsingNegativeOffset",
            base("minimalWithTime", json!({"time": "2018-04-05T16:31:00-01:00"})),
            timed(),
        ),
        ("validRelativeSource", base("minimalWithRelativeSource", json!({"source": "#fragment"})), same()),
        (
            "validSimpleTextData",
            base("simpleTextData", json!({"datacontenttype": "text/plain", "data": "Simple text"})),
            json!({"data": null, "text": "Simple text"}),
        ),
        (
            "validAllExtensionTypes",
            base(
                "allExtensionTypes",
                json!({
                    "extinteger": 10, "extboolean": true, "extstring": "text", "exturi": "https://cloudevents.io",
                    "exturiref": "//authority/path", "exttimestamp": "2023-03-31T15:12:00Z", "extbinary": "TWE=",
                }),
            ),
            same(),
        ),
    ];
    for (name, document, more) in cases {
        let mut expected = document.clone();
        let members = expected.as_object_mut().unwrap();
        members.remove("specversion");
        let (extensions, mut said): (serde_json::Map<_, _>, serde_json::Map<_, _>) =
            std::mem::take(members).into_iter().partition(|(name, _)| name.starts_with("ext"));
        said.extend(more.as_object().unwrap().clone());
        said.retain(|_, value| !value.is_null());
        if !extensions.is_empty() {
            said.insert("extensions".into(), extensions.into());
        }
        assert_eq!(read(structured(&document)), Ok(Value::Object(said)), "{name}");
    }
}

/// `format/json/invalid-events.json`: each is refused, and the error says why.
#[test]
fn json_invalid_events() {
    let without = |name: &str| {
        let mut document = base("invalid", json!({}));
        document.as_object_mut().unwrap().remove(name);
        document
    };
    let with = |name: &str, value: Value| {
        let mut document = base("invalid", json!({}));
        document[name] = value;
        document
    };
    let cases = [
        ("invalidNoSpecVersion", without("specversion"), "the required attribute `specversion` is missing"),
        ("invalidNoId", without("id"), "the required attribute `id` is missing"),
        ("invalidNoType", without("type"), "the required attribute `type` is missing"),
        ("invalidNoSource", without("source"), "the required attribute `source` is missing"),
        ("invalidTimeGarbage", with("time", json!("lunchtime")), "`time` is not a time of RFC 3339: `lunchtime`"),
        ("invalidTimeToMinute", with("time", json!("2018-04-05T18:31Z")), "`time` is not a time of RFC 3339"),
        ("invalidTimeOffsetX", with("time", json!("2018-04-05T18:31:00X")), "`time` is not a time of RFC 3339"),
        (
            "invalidTimeOffsetOutOfRange",
            with("time", json!("2018-04-05T18:31:00+25:00")),
            "`time` is not a time of RFC 3339",
        ),
        (
            "invalidTimeOffsetNonInteger",
            with("time", json!("2018-04-05T18:31:00+xx:00")),
            "`time` is not a time of RFC 3339",
        ),
        (
            "invalidTimeOffsetHourOnly",
            with("time", json!("2018-04-05T18:31:00+05")),
            "`time` is not a time of RFC 3339",
        ),
        ("invalidEmptyId", with("id", json!("")), "`id` is empty"),
        ("invalidEmptyType", with("type", json!("")), "`type` is empty"),
        ("invalidEmptySource", with("source", json!("")), "`source` is empty"),
        ("invalidEmptySpecVersion", with("specversion", json!("")), "`specversion` is empty"),
        ("invalidUnknownSpecVersion", with("specversion", json!("0.9")), "specversion is `0.9`, and only `1.0`"),
        (
            "invalidNonRfc2046DataContentType",
            with("datacontenttype", json!("xyz")),
            "`datacontenttype` is not a media type such as `application/json`: `xyz`",
        ),
        ("invalidEmptyDataContentType", with("datacontenttype", json!("")), "`datacontenttype` is empty"),
        ("invalidEmptyDataSchema", with("dataschema", json!("")), "`dataschema` is empty"),
        ("invalidEmptySubject", with("subject", json!("")), "`subject` is empty"),
        ("invalidNumericId", with("id", json!(25)), "`id` must be text and is 25"),
        ("invalidObjectId", with("id", json!({"xyz": "abc"})), "`id`: invalid type: map"),
        (
            "invalidCapitalizedExtension",
            with("MyExtension", json!("bad")),
            "an attribute can't be called `MyExtension`",
        ),
        (
            "invalidPunctuatedExtension",
            with("my.extension", json!("bad")),
            "an attribute can't be called `my.extension`: only a-z and 0-9",
        ),
        (
            "invalidNonIntegerExtensionValue",
            with("my.extension", json!(1.5)),
            "`my.extension`: invalid type: floating",
        ),
        (
            "invalidBothDataAndDataBase64",
            {
                let mut document = with("data", json!("text"));
                document["data_base64"] = json!("eyAieHl6IjogMTIzIH0=");
                document
            },
            "it has both `data` and `data_base64`",
        ),
    ];
    for (name, document, reason) in cases {
        let refused = read(structured(&document)).expect_err(name);
        assert!(refused.starts_with(&format!("not a valid CloudEvent: {reason}")), "{name}: {refused}");
        // What is wrong with an attribute that is text is as wrong in a header.
        if document.get("data").is_none() && document.as_object().unwrap().values().all(Value::is_string) {
            let refused = read(as_binary(&document)).expect_err(name);
            assert!(refused.starts_with(&format!("not a valid CloudEvent: {reason}")), "binary {name}: {refused}");
        }
    }
}

/// `format/json/valid-batches.json` and `invalid-batches.json`: Kafka has no batches, so all are refused as one.
#[test]
fn json_batches() {
    let event_of = |id: &str| base(id, json!({}));
    let batches = [
        json!([]),
        json!([event_of("1")]),
        json!([event_of("1"), event_of("2")]),
        json!([event_of("1"), base("2", json!({"specversion": "0.9"}))]),
        json!([{"specversion": "1.0", "type": "io.cloudevents.test", "source": "https://cloudevents.io"}]),
        json!(["not an object", event_of("1")]),
    ];
    for batch in batches {
        for content_type in
            ["application/cloudevents-batch+json", "Application/CloudEvents-Batch+JSON; charset=utf-8"]
        {
            let refused = read(event("k", batch.to_string()).header("content-type", content_type)).unwrap_err();
            assert!(refused.contains("it is a batch (`"), "{refused}");
            assert!(refused.contains("let the producer send each event as a record of its own"), "{refused}");
        }
        // One that says that it is no batch is no event.
        let refused = read(structured(&batch)).unwrap_err();
        assert!(refused.contains("invalid type: sequence, expected a CloudEvent"), "{refused}");
    }
}

/// `yaml/v1.0/v1_minimum.yaml`, in both modes: data of several media types.
#[test]
fn minimum_of_several_media_types() {
    let cases = [
        ("conformance-0001", "text/plain; charset=us-ascii", json!("Hello, World!\n"), "Hello, World!\n"),
        ("conformance-0002", "text/plain; charset=utf-8", json!("Hello, 🌎!\n"), "Hello, 🌎!\n"),
        ("conformance-0003", "application/json; charset=utf-8", json!("Hello, 🌎!"), r#""Hello, 🌎!""#),
        (
            "conformance-0004",
            "application/json; charset=utf-8",
            json!({"msg": "Hello, 🌎!"}),
            r#"{"msg":"Hello, 🌎!"}"#,
        ),
        ("conformance-0005", "application/json; charset=utf-8", json!(["Hello", "🌎!"]), r#"["Hello","🌎!"]"#),
        (
            "conformance-0006",
            "application/xml; charset=utf-8",
            json!("<msg>Hello, 🌎!</msg>\n"),
            "<msg>Hello, 🌎!</msg>\n",
        ),
    ];
    for (id, media_type, data, payload) in cases {
        let attributes = base(id, json!({"datacontenttype": media_type}));
        let mut expected = attributes.clone();
        expected.as_object_mut().unwrap().remove("specversion");
        expected[if media_type.contains("json") { "json" } else { "text" }] = data.clone();
        let headers = [
            ("ce_specversion", "1.0"),
            ("ce_id", id),
            ("ce_type", "io.cloudevents.test"),
            ("ce_source", "https://cloudevents.io"),
            ("content-type", media_type),
        ];
        assert_eq!(read(binary(&headers, payload)), Ok(expected.clone()), "binary {id}");
        let mut document = attributes;
        document["data"] = data;
        assert_eq!(read(structured(&document)), Ok(expected), "structured {id}");
    }
}

/// `yaml/v1.yaml`, in both modes: extensions that hold text, also text that looks like JSON.
#[test]
fn extensions_in_both_modes() {
    let extensions = json!({"comexampleextension1": "value", "comexampleextension2": r#"{"othervalue": 5}"#});
    let mut expected = base("4321-4321-4321", json!({"extensions": extensions, "json": {"world": "hello"}}));
    expected.as_object_mut().unwrap().remove("specversion");
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "4321-4321-4321"),
        ("ce_type", "io.cloudevents.test"),
        ("ce_source", "https://cloudevents.io"),
        ("ce_comexampleextension1", "value"),
        ("ce_comexampleextension2", r#"{"othervalue": 5}"#),
        ("user-agent", "foo"),
    ];
    assert_eq!(read(binary(&headers, r#"{"world":"hello"}"#)), Ok(expected.clone()));

    let mut document = base("4321-4321-4321", json!({"data": {"world": "hello"}}));
    document.as_object_mut().unwrap().extend(extensions.as_object().unwrap().clone());
    // Data without a media type are JSON here, and it says so.
    expected["datacontenttype"] = json!("application/json");
    assert_eq!(read(structured(&document).header("user-agent", "foo")), Ok(expected));
}
