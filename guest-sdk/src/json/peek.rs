//! Reads one field of a JSON object without decoding the others.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The text of a field, as UTF-8. `None` if the object does not have it.
pub(crate) fn text<'a>(payload: &'a [u8], field: &str) -> Result<Option<Cow<'a, [u8]>>, serde_json::Error> {
    for (name, token) in Plain::of(payload) {
        if name == field.as_bytes() {
            match token {
                Token::Text(text) => return Ok(Some(Cow::Borrowed(text))),
                Token::Other(_) => break,
            }
        }
    }
    let text = value::<String>(payload, field)?;
    Ok(text.map(|text| Cow::Owned(text.into_bytes())))
}

/// The whole number in a field. `None` if the object does not have it.
pub(crate) fn number(payload: &[u8], field: &str) -> Result<Option<u32>, serde_json::Error> {
    let mut members = Plain::of(payload);
    for (name, token) in &mut members {
        if name == field.as_bytes() {
            return match token {
                Token::Other(token) if let Some(number) = digits_of(token) => Ok(Some(number)),
                _ => value(payload, field),
            };
        }
    }
    if members.ended { Ok(None) } else { value(payload, field) }
}

fn digits_of(token: &[u8]) -> Option<u32> {
    // As `parse` alone would take a sign.
    let all_digits = token.iter().all(u8::is_ascii_digit);
    all_digits.then(|| std::str::from_utf8(token).ok()?.parse().ok())?
}

/// The value of a field. `None` if the object does not have it.
fn value<'a, T: Deserialize<'a>>(payload: &'a [u8], field: &str) -> Result<Option<T>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(payload);
    let value = Field { name: field, value: PhantomData }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// The members of an object as long as they are plain: names and texts without escapes, numbers and
/// words. A type's name and version almost always stand among them. Nothing is checked, so they are
/// only of use to be compared, before the whole is decoded.
struct Plain<'a> {
    rest: &'a [u8],
    /// What stands before the next member: `{`, and from then on `,`.
    before: &'static [u8],
    /// Whether these were all members that the object has.
    ended: bool,
}

/// The value of a plain member.
enum Token<'a> {
    /// What stands between its quotes.
    Text(&'a [u8]),
    /// A number or a word.
    Other(&'a [u8]),
}

impl<'a> Plain<'a> {
    fn of(payload: &'a [u8]) -> Self {
        Self { rest: payload, before: b"{", ended: false }
    }

    /// Nothing more stands there than the end of the object.
    fn at_end(&self, rest: &[u8]) -> bool {
        self.before == b"," && rest.strip_prefix(b"}").is_some_and(|rest| rest.trim_ascii_start().is_empty())
    }
}

impl<'a> Iterator for Plain<'a> {
    type Item = (&'a [u8], Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = trim_start(self.rest);
        let Some(rest) = rest.strip_prefix(self.before) else {
            self.ended = self.at_end(rest);
            return None;
        };
        let (name, rest) = plain_text(trim_start(rest))?;
        let rest = trim_start(trim_start(rest).strip_prefix(b":")?);
        let (token, rest) = match plain_text(rest) {
            Some((text, rest)) => (Token::Text(text), rest),
            None => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                let end = rest.iter().position(|byte| !is_part(byte)).filter(|end| *end > 0)?;
                (Token::Other(&rest[..end]), &rest[end..])
            }
        };
        (self.rest, self.before) = (rest, b",");
        Some((name, token))
    }
}

/// A text in quotes without escapes, and what stands behind it.
fn plain_text(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.strip_prefix(b"\"")?;
    let end = end_of_text(rest)?;
    (rest[end] == b'"').then(|| (&rest[..end], &rest[end + 1..]))
}

/// Where the first quote or backslash stands. Goes by words: in a plugin each turn of a loop also asks whether time is up.
fn end_of_text(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    // The lowest bit that is set belongs to the first such byte.
    let bits_of = |byte: u8, word: u64| {
        let differing = word ^ (ONES * u64::from(byte));
        differing.wrapping_sub(ONES) & !differing & (ONES << 7)
    };
    let (words, rest) = bytes.as_chunks();
    for (at, word) in (0..).step_by(8).zip(words) {
        let word = u64::from_le_bytes(*word);
        let found = bits_of(b'"', word) | bits_of(b'\\', word);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&byte| byte == b'"' || byte == b'\\')?;
    Some(bytes.len() - rest.len() + at)
}

/// Without white space before it, of which there seldom is any.
fn trim_start(rest: &[u8]) -> &[u8] {
    if rest.first().is_some_and(|byte| *byte > b' ') { rest } else { rest.trim_ascii_start() }
}

/// Finds a field in an object.
struct Field<'n, T> {
    name: &'n str,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Field<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Field<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the field `{}`", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Is(self.name))? {
            if is_it {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a name is the one that is looked for.
struct Is<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}
