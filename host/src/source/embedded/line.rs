//! One line of the log, decoded. Of the payload it never changes more than the white space between its tokens.

use std::ops::Range;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Record;
use crate::event::encode_header;

/// The fields that a line can have, as [`Field`] has them.
const FIELDS: [&str; 6] = ["key", "key_base64", "timestamp", "headers", "payload", "payload_base64"];

/// What a line says. One value decodes line after line, in the same memory.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    timestamp: i64,
    key: Option<Range<usize>>,
    headers: Range<usize>,
    payload: Option<Range<usize>>,
    /// Holds the bytes of all three.
    data: Vec<u8>,
    /// Holds the name of a header until its value is read.
    name: String,
}

impl Decoded {
    /// Decodes a line. Otherwise says what is wrong with it.
    pub(crate) fn decode(&mut self, line: &[u8]) -> Result<(), String> {
        self.clear();
        let text = str::from_utf8(line).map_err(|e| format!("not UTF-8 (column {})", e.valid_up_to() + 1))?;
        if text.trim_ascii().is_empty() {
            return Err("an empty line; every line is an event, and its number the offset".into());
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let given = Fields(self).deserialize(&mut json).map_err(|e| reason(&e))?;
        json.end().map_err(|e| reason(&e))?;
        given.check()
    }

    /// What the line last decoded says.
    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            key: self.key.clone().map(|range| &self.data[range]),
            timestamp: self.timestamp,
            headers: &self.data[self.headers.clone()],
            payload: self.payload.clone().map(|range| &self.data[range]),
        }
    }

    /// The event's time.
    pub(super) fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Bytes of key, headers and payload.
    pub(super) fn bytes(&self) -> usize {
        self.data.len()
    }

    fn clear(&mut self) {
        self.timestamp = -1;
        self.key = None;
        self.headers = 0..0;
        self.payload = None;
        self.data.clear();
    }

    /// Keeps what `write` appends to the data and says where it is.
    fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.data.len();
        write(&mut self.data);
        start..self.data.len()
    }

    fn put_base64(&mut self, text: &str) -> Result<Range<usize>, String> {
        let start = self.data.len();
        BASE64_STANDARD.decode_vec(text, &mut self.data).map_err(|e| format!("not base64: {e}"))?;
        Ok(start..self.data.len())
    }
}

/// The payload of a JSON text: none for `null`, else the text without white space between its tokens.
pub(crate) fn compact_json(text: &str) -> Result<Option<Vec<u8>>, String> {
    let json = serde_json::from_str::<&RawValue>(text).map_err(|e| reason(&e))?.get();
    let mut compacted = Vec::with_capacity(json.len());
    compact(json, &mut compacted);
    Ok((json != "null").then_some(compacted))
}

/// Whether the bytes are JSON that a line can hold as it is and give back as it was.
pub(super) fn is_compact_json(bytes: &[u8]) -> bool {
    match serde_json::from_slice::<&RawValue>(bytes) {
        Ok(json) => {
            let mut compacted = Vec::new();
            json.get().len() == bytes.len() && json.get() != "null" && {
                compact(json.get(), &mut compacted);
                compacted.len() == bytes.len()
            }
        }
        Err(_) => false,
    }
}

/// Appends valid JSON without the white space between its tokens.
fn compact(json: &str, into: &mut Vec<u8>) {
    let json = json.as_bytes();
    let is_space = |b: u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    // Not `any`: without an early exit it takes many bytes a step.
    if !json.iter().fold(false, |found, b| found | is_space(*b)) {
        into.extend_from_slice(json);
        return;
    }
    let (mut kept, mut at) = (0, 0);
    while at < json.len() {
        match json[at] {
            b'"' => at = string_end(json, at),
            b if is_space(b) => {
                into.extend_from_slice(&json[kept..at]);
                at += 1;
                kept = at;
            }
            _ => at += 1,
        }
    }
    into.extend_from_slice(&json[kept..]);
}

/// Where the string that begins at `at` ends, its quote included.
fn string_end(json: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(&b) = json.get(at) {
        match b {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// The parser's words, with the place as far as it says anything: a line of the log is known better elsewhere.
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let (line, column) = (error.line(), error.column());
    let what = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message);
    match (line, column) {
        (_, 0) => what.to_owned(),
        (1, _) => format!("{what} (column {column})"),
        _ => format!("{what} (line {line}, column {column})"),
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Key,
    KeyBase64,
    Timestamp,
    Headers,
    Payload,
    PayloadBase64,
}

/// Which fields a line has.
#[derive(Default)]
struct Given([bool; FIELDS.len()]);

impl Given {
    fn has(&self, field: Field) -> bool {
        self.0[field as usize]
    }

    fn check(&self) -> Result<(), String> {
        if self.has(Field::Key) && self.has(Field::KeyBase64) {
            return Err("both `key` and `key_base64`".into());
        }
        match (self.has(Field::Payload), self.has(Field::PayloadBase64)) {
            (true, true) => Err("both `payload` and `payload_base64`".into()),
            (false, false) => Err("no `payload`; a tombstone says \"payload\":null".into()),
            _ => Ok(()),
        }
    }
}

/// Reads the object that a line is.
struct Fields<'a>(&'a mut Decoded);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Given;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Given;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event: an object with a payload")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
        let decoded = self.0;
        let mut given = Given::default();
        while let Some(field) = map.next_key::<Field>()? {
            if std::mem::replace(&mut given.0[field as usize], true) {
                return Err(de::Error::custom(format_args!("`{}` is given twice", FIELDS[field as usize])));
            }
            match field {
                Field::Key => {
                    let put = |key: &str| decoded.put(|data| data.extend_from_slice(key.as_bytes()));
                    decoded.key = map.next_value_seed(Text(|key: Option<&str>| Ok(key.map(put))))?;
                }
                Field::KeyBase64 => {
                    let put = |key: Option<&str>| key.map(|key| decoded.put_base64(key)).transpose();
                    decoded.key = map.next_value_seed(Text(put))?;
                }
                Field::Timestamp => decoded.timestamp = map.next_value()?,
                Field::Headers => {
                    let start = decoded.data.len();
                    map.next_value_seed(Headers(decoded))?;
                    decoded.headers = start..decoded.data.len();
                }
                Field::Payload => {
                    let json = map.next_value::<&RawValue>()?.get();
                    decoded.payload = (json != "null").then(|| decoded.put(|data| compact(json, data)));
                }
                Field::PayloadBase64 => {
                    let put = |payload: Option<&str>| match payload {
                        Some(payload) => decoded.put_base64(payload),
                        None => Err("a tombstone says \"payload\":null".into()),
                    };
                    decoded.payload = Some(map.next_value_seed(Text(put))?);
                }
            }
        }
        Ok(given)
    }
}

/// Reads an object of headers, in its order and with repeated names, into the contract's encoding.
struct Headers<'a>(&'a mut Decoded);

impl<'de> DeserializeSeed<'de> for Headers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Headers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Decoded { data, name, .. } = self.0;
        loop {
            name.clear();
            let keep = |text: Option<&str>| {
                name.push_str(text.unwrap_or_default());
                Ok(())
            };
            if map.next_key_seed(Text(keep))?.is_none() {
                return Ok(());
            }
            let encode = |value: Option<&str>| {
                encode_header(data, name.as_bytes(), value.map(str::as_bytes));
                Ok(())
            };
            map.next_value_seed(Text(encode))?;
        }
    }
}

/// Hands a string, or none for null, to a function, without a copy of its own.
struct Text<F>(F);

impl<'de, T, F: FnOnce(Option<&str>) -> Result<T, String>> DeserializeSeed<'de> for Text<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T, F: FnOnce(Option<&str>) -> Result<T, String>> Visitor<'de> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string or null")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(Some(text)).map_err(E::custom)
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        (self.0)(None).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(line: &str) -> Decoded {
        let mut decoded = Decoded::default();
        decoded.decode(line.as_bytes()).expect(line);
        decoded
    }

    fn refused(line: &str) -> String {
        Decoded::default().decode(line.as_bytes()).expect_err(line)
    }

    fn payload(json: &str) -> String {
        let decoded = decode(&format!("{{\"payload\":{json}}}"));
        String::from_utf8(decoded.record().payload.unwrap().to_owned()).unwrap()
    }

    #[test]
    fn all_fields() {
        let line =
            r#"{"key":"acc-42","timestamp":1700000000000,"headers":{"source":"web"},"payload":{"amount":1}}"#;
        let mut headers = Vec::new();
        encode_header(&mut headers, b"source", Some(b"web"));
        let expected = Record {
            key: Some(b"acc-42"),
            timestamp: 1_700_000_000_000,
            headers: &headers,
            payload: Some(br#"{"amount":1}"#),
        };
        assert_eq!(decode(line).record(), expected);
        assert_eq!(decode(&format!(" {line}\t\r")).record(), expected);
        assert_eq!(decode(line).bytes(), 6 + headers.len() + 12);
    }

    #[test]
    fn all_but_the_payload_are_optional_and_nothing_is_left_of_the_line_before() {
        let mut decoded = decode(r#"{"key":"k","timestamp":1,"headers":{"a":"b"},"payload":1}"#);
        decoded.decode(br#"{"payload":null}"#).unwrap();
        let tombstone = Record { key: None, timestamp: -1, headers: b"", payload: None };
        assert_eq!(decoded.record(), tombstone);
        decoded.decode(br#"{"key":null,"payload":null}"#).unwrap();
        assert_eq!(decoded.record(), tombstone);
    }

    #[test]
    fn the_payload_keeps_every_byte_but_insignificant_white_space() {
        let untouched = r#"{"z":1.50,"a":[1E+2,-0,true,null],"z":"\u00e9\/\" é","deep":{"":[]}}"#;
        assert_eq!(payload(untouched), untouched);
        let spaced = " { \"a b\" :\t[ 1 , \" \\\" x \\\\\" , { } ]\r } ";
        assert_eq!(payload(spaced), "{\"a b\":[1,\" \\\" x \\\\\",{}]}");
        for scalar in ["0", "\"\"", "\"null\"", "false", "123456789012345678901234567890", "[]"] {
            assert_eq!(payload(scalar), scalar);
        }
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        assert_eq!(payload(&deep), deep);
    }

    #[test]
    fn base64_for_other_bytes() {
        let decoded = decode(r#"{"payload_base64":"AP8K","key_base64":"/w=="}"#);
        assert_eq!(decoded.record().payload, Some(b"\x00\xff\n".as_slice()));
        assert_eq!(decoded.record().key, Some(b"\xff".as_slice()));
        assert!(refused(r#"{"payload_base64":"A"}"#).starts_with("not base64: "));
        assert!(refused(r#"{"payload_base64":null}"#).starts_with("a tombstone says \"payload\":null"));
    }

    #[test]
    fn escapes_in_keys_are_decoded() {
        assert_eq!(decode(r#"{"key":"a\"\u00e9\n","payload":1}"#).record().key, Some("a\"é\n".as_bytes()));
    }

    #[test]
    fn headers_keep_their_order_and_repeated_names() {
        let decoded = decode(r#"{"headers":{"z":"1","a":null,"z":"\u0032","":""},"payload":1}"#);
        let mut expected = Vec::new();
        encode_header(&mut expected, b"z", Some(b"1"));
        encode_header(&mut expected, b"a", None);
        encode_header(&mut expected, b"z", Some(b"2"));
        encode_header(&mut expected, b"", Some(b""));
        assert_eq!(decoded.record().headers, expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", "an empty line; every line is an event, and its number the offset"),
            (" \r", "an empty line; every line is an event, and its number the offset"),
            (r#"{"key":"a"}"#, "no `payload`; a tombstone says \"payload\":null"),
            (r#"{"key":"a","key_base64":"YQ==","payload":1}"#, "both `key` and `key_base64`"),
            (r#"{"payload":1,"payload_base64":"YQ=="}"#, "both `payload` and `payload_base64`"),
            (r#"{"payload":1,"payload":2}"#, "`payload` is given twice (column 22)"),
            (r#"{"key":7,"payload":1}"#, "invalid type: integer `7`, expected a string or null (column 8)"),
            (r#"{"payload":1} x"#, "trailing characters (column 15)"),
            (r#"{"payload":{"a":}}"#, "expected value (column 17)"),
            (r#"{"payload":"#, "EOF while parsing a value (column 11)"),
            ("[1]", "invalid type: sequence, expected an event: an object with a payload"),
        ];
        for (line, reason) in cases {
            assert_eq!(refused(line), reason, "{line}");
        }
        assert!(refused(r#"{"kye":"a","payload":1}"#).starts_with("unknown field `kye`, expected one of `key`, "));
        assert!(refused(r#"{"headers":{"n":1},"payload":1}"#).starts_with("invalid type: integer `1`"));
        assert!(refused(r#"{"timestamp":"now","payload":1}"#).starts_with("invalid type: string \"now\""));
        assert_eq!(compact_json("{\n  \"a\": x"), Err("expected value (line 2, column 8)".into()));
        assert_eq!(Decoded::default().decode(b"{\"key\":\"\xff\"}"), Err("not UTF-8 (column 9)".into()));
    }

    #[test]
    fn only_what_a_line_gives_back_as_it_was_is_compact() {
        for json in ["1", "\" \"", "{\"a\":[1,2]}", "\"null\""] {
            assert!(is_compact_json(json.as_bytes()), "{json}");
        }
        for other in ["null", " 1", "1\n", "[1, 2]", "", "x", "{"] {
            assert!(!is_compact_json(other.as_bytes()), "{other}");
        }
        assert!(!is_compact_json(b"\"\xff\""));
        assert_eq!(compact_json(" null "), Ok(None));
        assert_eq!(compact_json("[ 1 ]"), Ok(Some(b"[1]".to_vec())));
    }
}
