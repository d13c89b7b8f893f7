//! Decodes an enum from the name of its variant, wherever that stands, and the variant's content.
//!
//! Serde's internal tagging puts the whole content into a buffer until it has seen the tag. Here
//! the tag is known first, so the content is decoded straight from the payload.

use std::fmt;

use serde::Deserialize;
use serde::de::value::BytesDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, IntoDeserializer, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// A variant's name and its content.
pub(crate) struct Tagged<'t, D> {
    /// Text; but serde compares it as bytes just as well, and so nobody has to check it.
    tag: &'t [u8],
    content: D,
    /// Whether to stop at the name.
    name_only: bool,
}

/// Why decoding ended.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The enum has no variant of that name, but these.
    UnknownVariant(&'static [&'static str]),
    /// It has, and no more was asked.
    KnownVariant,
    /// The content does not fit.
    Json(serde_json::Error),
}

impl<'t, D> Tagged<'t, D> {
    pub(crate) fn new(tag: &'t [u8], content: D) -> Self {
        Self { tag, content, name_only: false }
    }

    /// To ask only whether an enum has the variant: decoding always ends with a [`Stop`].
    pub(crate) fn name_only(tag: &'t [u8], content: D) -> Self {
        Self { tag, content, name_only: true }
    }
}

impl<'de, D> Deserializer<'de> for Tagged<'_, D>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, D> EnumAccess<'de> for Tagged<'_, D>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Stop> {
        let name: BytesDeserializer<'_, Stop> = self.tag.into_deserializer();
        let variant = seed.deserialize(name)?;
        if self.name_only { Err(Stop::KnownVariant) } else { Ok((variant, self)) }
    }
}

impl<'de, D> VariantAccess<'de> for Tagged<'_, D>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    type Error = Stop;

    // It has no content to decode, but must be JSON like the others.
    fn unit_variant(self) -> Result<(), Stop> {
        IgnoredAny::deserialize(self.content).map(drop).map_err(Stop::Json)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(self.content).map_err(Stop::Json)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.content.deserialize_tuple(len, visitor).map_err(Stop::Json)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.content.deserialize_struct("", fields, visitor).map_err(Stop::Json)
    }
}

impl serde::de::Error for Stop {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Json(serde_json::Error::custom(message))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        match found {
            // What was asked for is no enum at all.
            Unexpected::Enum => Self::custom(format_args!("it is not an enum but {expected}")),
            _ => Self::Json(serde_json::Error::invalid_type(found, expected)),
        }
    }

    // Content has errors of its own, so this is the enum's own variant and not one inside of it.
    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::UnknownVariant(expected)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVariant(_) => f.write_str("unknown variant"),
            Self::KnownVariant => f.write_str("known variant"),
            Self::Json(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Stop {}
