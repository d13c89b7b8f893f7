//! One event on its way into the log, and the line that it becomes. A line always decodes to the very same bytes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::line::is_compact_json;

/// An event to append. Its topic is the appender's; its partition and offset are given to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// The key, which decides the partition.
    pub key: Option<&'a [u8]>,
    /// Milliseconds since the Unix epoch; -1 for none.
    pub timestamp: i64,
    /// The headers as [`encode_header`](crate::event::encode_header) writes them, names and values in UTF-8.
    pub headers: &'a [u8],
    /// The payload; none is a tombstone.
    pub payload: Option<&'a [u8]>,
}

/// Headers that a line can't hold: not UTF-8, or not in the encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HeadersNotText;

impl Record<'_> {
    /// Appends the line, with its end, to `line`.
    pub(super) fn encode(&self, line: &mut Vec<u8>) -> Result<(), HeadersNotText> {
        line.push(b'{');
        if let Some(key) = self.key {
            match str::from_utf8(key) {
                Ok(key) => field(line, "key", |line| json_string(line, key)),
                Err(_) => field(line, "key_base64", |line| base64(line, key)),
            }
        }
        if self.timestamp != -1 {
            field(line, "timestamp", |line| line.extend_from_slice(self.timestamp.to_string().as_bytes()));
        }
        if !self.headers.is_empty() {
            line.extend_from_slice(b"\"headers\":{");
            encode_headers(self.headers, line)?;
            line.extend_from_slice(b"},");
        }
        match self.payload {
            None => field(line, "payload", |line| line.extend_from_slice(b"null")),
            Some(payload) if is_compact_json(payload) => {
                field(line, "payload", |line| line.extend_from_slice(payload));
            }
            Some(payload) => field(line, "payload_base64", |line| base64(line, payload)),
        }
        line.pop(); // the last field's comma
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}

fn encode_headers(mut headers: &[u8], line: &mut Vec<u8>) -> Result<(), HeadersNotText> {
    while let Some(((name, value), rest)) = first_header(headers) {
        json_string(line, str::from_utf8(name).map_err(|_| HeadersNotText)?);
        line.push(b':');
        match value {
            Some(value) => json_string(line, str::from_utf8(value).map_err(|_| HeadersNotText)?),
            None => line.extend_from_slice(b"null"),
        }
        line.push(b',');
        headers = rest;
    }
    line.pop();
    if headers.is_empty() { Ok(()) } else { Err(HeadersNotText) }
}

/// Name and value.
type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// The first header and what comes after it; none at the end or if it is not in the encoding.
fn first_header(headers: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let (name_bytes, rest) = headers.split_first_chunk()?;
    let (value_bytes, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name_bytes) as usize)?;
    match u32::from_le_bytes(*value_bytes) {
        u32::MAX => Some(((name, None), rest)),
        bytes => rest.split_at_checked(bytes as usize).map(|(value, rest)| ((name, Some(value)), rest)),
    }
}

fn field(line: &mut Vec<u8>, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
    line.push(b'"');
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
    value(line);
    line.push(b',');
}

fn json_string(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string is JSON, and memory takes it");
}

fn base64(line: &mut Vec<u8>, bytes: &[u8]) {
    json_string(line, &BASE64_STANDARD.encode(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::encode_header;
    use crate::source::embedded::Decoded;

    const RECORD: Record<'static> = Record { key: Some(b"k"), timestamp: 5, headers: b"", payload: Some(b"{}") };

    fn line(record: &Record<'_>) -> String {
        let mut line = Vec::new();
        record.encode(&mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    fn headers(pairs: &[(&[u8], Option<&[u8]>)]) -> Vec<u8> {
        let mut headers = Vec::new();
        pairs.iter().for_each(|(name, value)| encode_header(&mut headers, name, *value));
        headers
    }

    #[test]
    fn writes_what_a_person_would() {
        let headers = headers(&[(b"source", Some(b"web")), (b"none", None)]);
        let all = line(&Record { headers: &headers, ..RECORD });
        assert_eq!(
            all,
            "{\"key\":\"k\",\"timestamp\":5,\"headers\":{\"source\":\"web\",\"none\":null},\"payload\":{}}\n"
        );
        assert_eq!(line(&Record { key: None, timestamp: -1, payload: None, ..RECORD }), "{\"payload\":null}\n");
        assert_eq!(
            line(&Record { key: Some(b"\xff"), payload: Some(b"\x00"), ..RECORD }),
            "{\"key_base64\":\"/w==\",\"timestamp\":5,\"payload_base64\":\"AA==\"}\n"
        );
    }

    #[test]
    fn a_line_decodes_to_the_same_bytes() {
        let headers = headers(&[("é\"\n".as_bytes(), Some(b"")), (b"", None)]);
        let payloads: [&[u8]; 9] =
            [b"{\"a\":\" \\n\"}", b"1.0", b"null", b"[1, 2]", b"", b"\n", b"\"a\nb\"", b"\xff", b"\"\\ud800\""];
        for payload in payloads.iter().map(|p| Some(*p)).chain([None]) {
            for key in [None, Some(b"".as_slice()), Some(b"a\"\n"), Some(b"\xff")] {
                let record = Record { key, timestamp: -7, headers: &headers, payload };
                let mut decoded = Decoded::default();
                decoded.decode(line(&record).as_bytes()).unwrap();
                assert_eq!(decoded.record(), record);
            }
        }
    }

    #[test]
    fn headers_that_are_not_text_are_refused() {
        for headers in [&headers(&[(b"a", Some(b"\xff"))])[..], &headers(&[(b"\xff", None)]), b"torn"] {
            assert_eq!(Record { headers, ..RECORD }.encode(&mut Vec::new()), Err(HeadersNotText));
        }
    }
}
