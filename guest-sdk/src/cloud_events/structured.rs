//! The structured content mode: attributes and data in one JSON document.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::CloudEvent;
use super::attribute::Attribute;
use super::attributes::Reading;
use super::media_type::MediaType;
use crate::error::quoted;
use crate::{Error, Event, Result};

/// An event in structured mode, of that content type.
pub(super) fn read<'a>(event: &Event<'a>, media_type: &str) -> Result<CloudEvent<'a>> {
    let essence = MediaType::check("content-type", media_type)?.essence;
    if essence.eq_ignore_ascii_case("application/cloudevents+json") {
        let payload = event.payload().ok_or_else(|| Error::msg("it is structured, and has no payload"))?;
        return parse(payload);
    }
    let essence = quoted(essence.as_bytes());
    if essence.to_ascii_lowercase().starts_with("`application/cloudevents-batch") {
        return Err(Error::msg(format_args!(
            "it is a batch ({essence}), which CloudEvents do not define for Kafka: let the producer send each event \
             as a record of its own"
        )));
    }
    Err(Error::msg(format_args!(
        "its format {essence} is not known: let the producer send `application/cloudevents+json`, or use the binary \
         mode"
    )))
}

/// A CloudEvent in the JSON format.
pub(super) fn parse(json: &[u8]) -> Result<CloudEvent<'_>> {
    let Document { mut attributes, data, data_base64 } = serde_json::from_slice(json)?;
    let data = match (data, data_base64) {
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Error::msg("it has both `data` and `data_base64`")),
        (None, Some(text)) => {
            let bytes = STANDARD
                .decode(text.as_bytes())
                .map_err(|error| Error::from(error).context("`data_base64` is not base64"))?;
            Some(Cow::Owned(bytes))
        }
        (Some(data), None) if attributes.data_content_type().is_none_or(MediaType::is_json) => {
            attributes.imply_data_content_type("application/json");
            Some(Cow::Borrowed(data.get().as_bytes()))
        }
        (Some(data), None) => Some(text(data)?),
    };
    Ok(CloudEvent { attributes: attributes.finish()?, data })
}

/// Data of another media type than JSON: text.
fn text(data: &RawValue) -> Result<Cow<'_, [u8]>> {
    let Text(text) = serde_json::from_str(data.get())
        .map_err(|_| Error::msg("`data` must be text where `datacontenttype` is not JSON"))?;
    Ok(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// Text that is borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of a CloudEvent in JSON. Those that are null are left out, as if they were absent.
#[derive(Default)]
struct Document<'a> {
    attributes: Reading<'a>,
    /// Also if it is null, which JSON data may be.
    data: Option<&'a RawValue>,
    data_base64: Option<Cow<'a, str>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Document<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CloudEvent, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document<'de>, A::Error> {
        let mut document = Document::default();
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "data" => {
                    if document.data.replace(map.next_value()?).is_some() {
                        return Err(de::Error::duplicate_field("data"));
                    }
                }
                "data_base64" => {
                    if document.data_base64.is_some() {
                        return Err(de::Error::duplicate_field("data_base64"));
                    }
                    document.data_base64 = map.next_value::<Option<Text<'de>>>()?.map(|Text(text)| text);
                }
                _ => match map.next_value::<Option<Attribute<'de>>>() {
                    Ok(Some(value)) => document.attributes.set(name, value).map_err(de::Error::custom)?,
                    Ok(None) => {}
                    Err(error) => {
                        let name = quoted(name.as_bytes());
                        return Err(de::Error::custom(format_args!("{name}: {error}")));
                    }
                },
            }
        }
        Ok(document)
    }
}
