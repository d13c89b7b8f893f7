//! The JSON that is decoded: borrowed where the event has it, owned where it was made.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Deserializer, Error, Value};

use super::tagged::{Stop, Tagged};

/// JSON that values for `'a` are decoded from.
pub(crate) enum Content<'a> {
    /// Bytes of the event.
    Borrowed(&'a [u8]),
    /// Bytes that only this program has, such as data that were in base64.
    Copied(Vec<u8>),
    /// A value that was made, by upcasting.
    Owned(Value),
    /// Of that media type, which is not JSON.
    NotJson(String),
    /// There is none.
    Absent,
}

impl<'a> Content<'a> {
    /// As `T`.
    pub(crate) fn decode<T: Deserialize<'a>>(self) -> Result<T, Error> {
        match self {
            Self::Borrowed(bytes) => serde_json::from_slice(bytes),
            Self::Copied(bytes) => T::deserialize(serde_json::from_slice::<Value>(&bytes)?),
            Self::Owned(value) => T::deserialize(value),
            Self::NotJson(media_type) => Err(not_json(&media_type)),
            Self::Absent => Err(Error::custom("it has no data")),
        }
    }

    /// As the variant of `T` by that name.
    pub(super) fn decode_variant<T: Deserialize<'a>>(self, name: &[u8]) -> Result<T, Stop> {
        let value = match self {
            Self::Borrowed(bytes) => {
                let mut content = Deserializer::from_slice(bytes);
                let decoded = T::deserialize(Tagged::new(name, &mut content))?;
                content.end().map_err(Stop::Json)?;
                return Ok(decoded);
            }
            Self::Copied(bytes) => match serde_json::from_slice(&bytes) {
                Ok(value) => value,
                Err(error) => return Err(Self::has_variant::<T>(name).unless_known(error)),
            },
            Self::NotJson(media_type) => {
                return Err(Self::has_variant::<T>(name).unless_known(not_json(&media_type)));
            }
            Self::Owned(value) => value,
            Self::Absent => Value::Null,
        };
        T::deserialize(Tagged::new(name, value))
    }

    /// Whether `T` has a variant of that name: [`Stop::KnownVariant`] or [`Stop::UnknownVariant`].
    pub(super) fn has_variant<T: Deserialize<'a>>(name: &[u8]) -> Stop {
        let mut nothing = Deserializer::from_slice(b"");
        match T::deserialize(Tagged::name_only(name, &mut nothing)) {
            Ok(_) => Stop::KnownVariant,
            Err(stop) => stop,
        }
    }
}

impl Stop {
    /// That the variant is unknown, or else that error of its content.
    fn unless_known(self, error: Error) -> Self {
        match self {
            Self::KnownVariant => Self::Json(error),
            other => other,
        }
    }
}

fn not_json(media_type: &str) -> Error {
    Error::custom(format_args!("its data are of the media type {media_type}, which is not JSON"))
}
