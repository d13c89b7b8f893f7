//! From an event's type, version and content to a variant of an enum, as its declaration says.

use std::fmt::Write;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::tagged::Stop;
use super::types::{NamedBy, Versions};
use super::upcast::{Way, upcast};
use super::{Content, EventTypes, not_json_for, peek};
use crate::error::{quoted, type_name};
use crate::{Error, Result};

/// How many of an enum's variants an error names.
const VARIANTS_SHOWN: usize = 20;

impl EventTypes {
    /// The event as a variant of `T`; `None` if it is ignored. `version` is what stands where the
    /// version is, if that is outside of the content.
    pub(crate) fn decode<'a, T: Deserialize<'a>>(
        &self,
        name: &[u8],
        version: Option<&[u8]>,
        content: Content<'a>,
    ) -> Result<Option<T>> {
        let (name, suffix) = self.split(name);
        if self.is_ignored(name) {
            return self.ignored::<T>(content);
        }
        let way = match self.version(suffix, version, &content) {
            Ok(Some(version)) => self.way(name, version),
            Ok(None) => Way::AsIs,
            Err(error) => Way::None(error),
        };
        let content = match way {
            Way::AsIs => content,
            Way::Steps { from, first } => {
                let fields = content.decode().map_err(not_json_for::<T>)?;
                Content::Owned(upcast(self, name, from, first, fields)?)
            }
            // Of a type that is unknown, or ignored, nobody asked for the version.
            Way::None(error) => match Content::has_variant::<T>(name) {
                Stop::UnknownVariant(variants) => return self.unknown::<T>(name, variants, content),
                _ => return Err(error),
            },
        };
        // Content that was made is JSON, so only what is borrowed may have to be looked at again.
        let again = if let Content::Borrowed(bytes) = content { bytes } else { b"null" };
        match content.decode_variant(name) {
            Ok(decoded) => Ok(Some(decoded)),
            Err(Stop::UnknownVariant(variants)) => self.unknown::<T>(name, variants, Content::Borrowed(again)),
            Err(Stop::KnownVariant) => Err(Error::msg("the event's content was not asked for")),
            Err(Stop::Json(error)) => Err(not_json_for::<T>(error)),
        }
    }

    /// The event's version, wherever it stands. `None` if there are no versions.
    fn version(&self, suffix: u32, outside: Option<&[u8]>, content: &Content<'_>) -> Result<Option<u32>> {
        let version = match self.versions {
            Versions::Nowhere => return Ok(None),
            Versions::Suffix(_) => Ok(suffix),
            Versions::Field(field) => version_in(content, field)
                .map_err(|error| Error::from(error).context(format_args!("`{field}` is not a version number"))),
            Versions::Header(place) | Versions::Attribute(place) => parse_version(outside, place),
        };
        version.map(Some)
    }

    /// What `T` has no variant for: ignored if that is declared.
    fn unknown<T>(
        &self,
        name: &[u8],
        variants: &'static [&'static str],
        content: Content<'_>,
    ) -> Result<Option<T>> {
        if self.ignores_others {
            return self.ignored::<T>(content);
        }
        let mut known = String::new();
        for (at, variant) in variants.iter().take(VARIANTS_SHOWN).enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let _ = write!(known, "{comma}`{variant}`");
        }
        if variants.len() > VARIANTS_SHOWN {
            let _ = write!(known, " and {} more", variants.len() - VARIANTS_SHOWN);
        }
        let (of, name) = (type_name::<T>(), quoted(name));
        Err(Error::msg(format_args!(
            "unknown event type {name}: {of} has {known}; give it a variant, or declare that it is ignored \
             (`EventTypes::ignore`)"
        )))
    }

    /// An event that is ignored must be JSON like the others where its type was read from that.
    fn ignored<T>(&self, content: Content<'_>) -> Result<Option<T>> {
        if let NamedBy::Field(_) = self.named_by {
            content.decode::<IgnoredAny>().map_err(not_json_for::<T>)?;
        }
        Ok(None)
    }

    /// A type's name without its version, and that version.
    fn split<'n>(&self, name: &'n [u8]) -> (&'n [u8], u32) {
        let Versions::Suffix(separator) = self.versions else {
            return (name, 1);
        };
        let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (before, digits) = name.split_at(name.len() - digits);
        match (before.strip_suffix(separator.as_bytes()), number(digits)) {
            (Some(base), Some(version)) => (base, version),
            _ => (name, 1),
        }
    }
}

/// The version in a field; 1 if it is absent.
fn version_in(content: &Content<'_>, field: &str) -> Result<u32, serde_json::Error> {
    let version = match content {
        Content::Borrowed(payload) => peek::number(payload, field)?,
        Content::Copied(payload) => peek::number(payload, field)?,
        Content::Owned(_) | Content::NotJson(_) | Content::Absent => None,
    };
    Ok(version.unwrap_or(1))
}

/// The version in a header or an attribute; 1 if it is absent.
fn parse_version(text: Option<&[u8]>, place: &str) -> Result<u32> {
    let Some(text) = text else {
        return Ok(1);
    };
    number(text).ok_or_else(|| Error::msg(format_args!("`{place}` is not a version number: {}", quoted(text))))
}

/// A decimal number without a sign or leading zeros.
fn number(digits: &[u8]) -> Option<u32> {
    let all_digits = digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"0");
    if all_digits { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}
