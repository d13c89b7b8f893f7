//! Reads one field of a JSON object without decoding the others.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The text of a field, as UTF-8. `None` if the object does not have it.
pub(crate) fn text<'a>(payload: &'a [u8], field: &str) -> Result<Option<Cow<'a, [u8]>>, serde_json::Error> {
    if let Some(text) = first_text(payload, field) {
        return Ok(Some(Cow::Borrowed(text)));
    }
    let text = value::<String>(payload, field)?;
    Ok(text.map(|text| Cow::Owned(text.into_bytes())))
}

/// The value of a field. `None` if the object does not have it.
pub(crate) fn value<'a, T: Deserialize<'a>>(
    payload: &'a [u8],
    field: &str,
) -> Result<Option<T>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(payload);
    let value = Field { name: field, value: PhantomData }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// The text of a field that stands first and has no escapes, as a type's name almost always does.
/// `None` means: look properly. It is not checked, so only of use to be compared.
fn first_text<'a>(payload: &'a [u8], field: &str) -> Option<&'a [u8]> {
    let rest = payload.trim_ascii_start().strip_prefix(b"{")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let rest = rest.strip_prefix(field.as_bytes())?.strip_prefix(b"\"")?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let end = rest.iter().position(|&byte| byte == b'"' || byte == b'\\')?;
    (rest[end] == b'"').then_some(&rest[..end])
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
