//! CloudEvents 1.0 on Kafka, in both content modes: attributes in headers beside the data (binary),
//! or one JSON document (structured).

mod attribute;
mod attributes;
mod binary;
mod media_type;
mod structured;
mod time;
mod uri;

pub use attribute::Attribute;

use std::borrow::Cow;

use serde::Deserialize;

use crate::error::quoted;
use crate::json::{Content, not_json_for};
use crate::{Error, Event, EventTypes, Result};
use attributes::Attributes;
use media_type::MediaType;

/// A CloudEvent: what its producer says of it, checked, and its data. Made by
/// [`Event::cloud_event`].
///
/// It is the same in both content modes: extensions that a structured event has as numbers or
/// booleans and a binary one as text read alike, and its data are the bytes that a binary event
/// has as its payload.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent<'a> {
    attributes: Attributes<'a>,
    data: Option<Cow<'a, [u8]>>,
}

impl<'a> Event<'a> {
    /// Whether it claims to be a CloudEvent: a content type of CloudEvents, or a header of a required
    /// attribute. For topics that hold other events too.
    pub fn is_cloud_event(&self) -> bool {
        self.headers().any(|(name, value)| {
            matches!(name, b"ce_specversion" | b"ce_id" | b"ce_source" | b"ce_type")
                || (binary::is_content_type(name) && value.is_some_and(MediaType::is_of_cloud_events))
        })
    }

    /// The event as a CloudEvent, in whichever content mode it is.
    ///
    /// ```
    /// use lantern_sdk::prelude::*;
    ///
    /// #[derive(Deserialize)]
    /// enum Shipping {
    ///     #[serde(rename = "com.example.parcel.sent")]
    ///     Sent { parcel: String },
    ///     #[serde(rename = "com.example.parcel.lost")]
    ///     Lost { parcel: String },
    /// }
    ///
    /// const TYPES: EventTypes = EventTypes::of_cloud_events().ignore(&["com.example.parcel.weighed"]);
    ///
    /// fn apply(parcels: &mut Table<String>, event: &Event<'_>) -> Result<()> {
    ///     let cloud = event.cloud_event()?;
    ///     match cloud.json_by(&TYPES)? {
    ///         Some(Shipping::Sent { parcel }) => parcels.set(parcel, format!("sent by {}", cloud.source())),
    ///         Some(Shipping::Lost { parcel }) => parcels.set(parcel, "lost".into()),
    ///         None => {}
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Where only the data are of interest, `event.json_by(&TYPES)` does the same.
    ///
    /// # Errors
    ///
    /// When it is none (see [`Event::is_cloud_event`]), of another version of the specification, or
    /// against its rules: a required attribute is missing or empty, a time is not RFC 3339, an
    /// attribute's name is not of lower-case letters and digits, and so on. When it is a batch of
    /// CloudEvents, which is not defined for Kafka, or in another format than JSON.
    pub fn cloud_event(&self) -> Result<CloudEvent<'a>> {
        if !self.is_cloud_event() {
            return Err(self.not_a_cloud_event());
        }
        let read = match binary::content_type(self)?.filter(|text| MediaType::is_of_cloud_events(text.as_bytes()))
        {
            None => binary::read(self),
            Some(media_type) => structured::read(self, media_type),
        };
        read.map_err(|error| error.context("not a valid CloudEvent"))
    }

    pub(crate) fn not_a_cloud_event(&self) -> Error {
        if self.is_tombstone() {
            return Error::msg("the event is a tombstone and not a CloudEvent: look at `is_tombstone` first");
        }
        Error::msg(
            "the event is not a CloudEvent: it has neither headers `ce_…` nor the content-type \
             `application/cloudevents+json`; if the producer leaves that out, read it by `CloudEvent::from_json`",
        )
    }
}

impl<'a> CloudEvent<'a> {
    /// A CloudEvent in the JSON format, for a topic whose structured events lack the header
    /// `content-type`: `CloudEvent::from_json(event.payload()…)`.
    ///
    /// # Errors
    ///
    /// When it is against the rules of the specification.
    pub fn from_json(json: &'a [u8]) -> Result<Self> {
        structured::parse(json).map_err(|error| error.context("not a valid CloudEvent"))
    }

    /// Together with the source what tells it from all other events.
    pub fn id(&self) -> &str {
        &self.attributes.id
    }

    /// Where it happened: a URI, or a reference to one.
    pub fn source(&self) -> &str {
        &self.attributes.source
    }

    /// What happened.
    pub fn event_type(&self) -> &str {
        &self.attributes.event_type
    }

    /// What of the source it is about.
    pub fn subject(&self) -> Option<&str> {
        self.attributes.subject.as_deref()
    }

    /// When it happened, as the producer wrote it: a valid time of RFC 3339.
    pub fn time(&self) -> Option<&str> {
        self.attributes.time.as_ref().map(|(text, _)| &**text)
    }

    /// When it happened, in milliseconds since 1970-01-01T00:00:00Z; a fraction of one is cut off.
    pub fn time_millis(&self) -> Option<i64> {
        self.attributes.time.as_ref().map(|(_, millis)| *millis)
    }

    /// The media type of its data. Structured data without one are JSON; then it says so here too.
    pub fn data_content_type(&self) -> Option<&str> {
        self.attributes.data_content_type.as_deref()
    }

    /// The URI of its data's schema.
    pub fn data_schema(&self) -> Option<&str> {
        self.attributes.data_schema.as_deref()
    }

    /// The extension attribute of that name.
    pub fn extension(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.extensions.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// All extension attributes, in their order.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, &Attribute<'a>)> {
        self.attributes.extensions.iter().map(|(name, value)| (&**name, value))
    }

    /// Its data, as a binary event has them: JSON as its text, other text as UTF-8, and what was in
    /// base64 decoded. A binary event without data is a tombstone as well.
    pub fn data(&self) -> Option<&[u8]> {
        self.data.as_deref()
    }

    /// Its data as `T`, from JSON. Borrows from the event unless they were in base64.
    ///
    /// # Errors
    ///
    /// When there are none, their content type is not JSON, or they are not JSON for `T`. Data in
    /// base64, or in a binary event, without a content type are taken for JSON here.
    pub fn json<T: Deserialize<'a>>(&self) -> Result<T> {
        self.content().decode().map_err(not_json_for::<T>).map_err(|error| self.named(error))
    }

    /// Its data as an enum whose variant is named by the attribute `type`.
    ///
    /// # Errors
    ///
    /// As [`CloudEvent::json`]; and when `T` does not have the type.
    pub fn json_by_type<T: Deserialize<'a>>(&self) -> Result<T> {
        let decoded = self.json_by(&EventTypes::of_cloud_events())?;
        decoded.ok_or_else(|| Error::msg("the CloudEvent is ignored"))
    }

    /// Its data as an enum whose variant is named by the attribute `type`, with old versions upcast,
    /// and `None` for what `types` declares to be ignored. An event without data fits a variant
    /// without content.
    ///
    /// # Errors
    ///
    /// As [`Event::json_by`].
    pub fn json_by<T: Deserialize<'a>>(&self, types: &EventTypes) -> Result<Option<T>> {
        let version = types.version_attribute().and_then(|name| self.extension(name)).map(ToString::to_string);
        let version = version.as_deref().map(str::as_bytes);
        types.decode(self.event_type().as_bytes(), version, self.content()).map_err(|error| self.named(error))
    }

    fn content(&self) -> Content<'a> {
        match &self.data {
            None => Content::Absent,
            Some(_) if let Some(other) = self.not_json() => Content::NotJson(other),
            Some(Cow::Borrowed(bytes)) => Content::Borrowed(bytes),
            Some(Cow::Owned(bytes)) => Content::Copied(bytes.clone()),
        }
    }

    /// The media type of its data if that is not JSON.
    fn not_json(&self) -> Option<String> {
        let media_type = self.data_content_type().filter(|text| !MediaType::is_json(text))?;
        Some(quoted(media_type.as_bytes()))
    }

    fn named(&self, error: Error) -> Error {
        let (id, event_type) = (quoted(self.id().as_bytes()), quoted(self.event_type().as_bytes()));
        error.context(format_args!("CloudEvent {id} of type {event_type}"))
    }
}
