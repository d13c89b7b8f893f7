//! Asks what a topic is, id included, by librdkafka's C API: the safe wrapper knows no ids of topics.

use std::ffi::{CStr, CString, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka_sys as sys;

use super::client::Context;
use crate::source::{Topic, TopicId};

/// What librdkafka's own timeout may exceed ours by.
const GRACE: Duration = Duration::from_secs(1);

/// What is ours to destroy.
struct Owned<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

/// Asks the broker, and waits for the answer so long at most. The error is the broker's own, such as
/// `UnknownTopicOrPartition`, or why there is no answer.
pub(super) fn describe(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    timeout: Duration,
) -> Result<Topic, KafkaError> {
    let name = CString::new(topic).map_err(KafkaError::Nul)?;
    // As long as an admin request waits for a broker that is away, librdkafka tries to reach that without a pause. So a broker
    // must be there first, and this waits for one at ease.
    consumer.fetch_metadata(Some(topic), timeout)?;
    let client = consumer.client().native_ptr();
    let milliseconds = |time: Duration| c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the client lives for the whole call, for `consumer` holds it. What is made here is destroyed when it goes
    // out of scope, the event before the queue that it came from; a request that is still under way then holds
    // what it needs itself. The name outlives the collection, which copies it. An answer and all that is read from it
    // live as long as their event.
    unsafe {
        let options = Owned::new(
            sys::rd_kafka_AdminOptions_new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
            sys::rd_kafka_AdminOptions_destroy,
        )?;
        let limit = milliseconds(timeout);
        sys::rd_kafka_AdminOptions_set_request_timeout(options.ptr(), limit, ptr::null_mut(), 0);
        let topics = Owned::new(
            sys::rd_kafka_TopicCollection_of_topic_names([name.as_ptr()].as_mut_ptr(), 1),
            sys::rd_kafka_TopicCollection_destroy,
        )?;
        let queue = Owned::new(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy)?;
        sys::rd_kafka_DescribeTopics(client, topics.ptr(), options.ptr(), queue.ptr());
        let event = sys::rd_kafka_queue_poll(queue.ptr(), milliseconds(timeout + GRACE));
        let event = Owned::new(event, sys::rd_kafka_event_destroy)?;
        check(sys::rd_kafka_event_error(event.ptr()))?;
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeTopics_result(event.ptr());
        if result.is_null() {
            return Err(no_answer());
        }
        let described = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if described.is_null() || count == 0 {
            return Err(no_answer());
        }
        read(*described)
    }
}

/// # Safety
/// The description must be valid.
unsafe fn read(described: *const sys::rd_kafka_TopicDescription_t) -> Result<Topic, KafkaError> {
    // SAFETY: what the caller promises; what is read belongs to the description. An error that is null is none.
    unsafe {
        let error = sys::rd_kafka_TopicDescription_error(described);
        if !error.is_null() {
            check(sys::rd_kafka_error_code(error))?;
        }
        let mut count = 0;
        sys::rd_kafka_TopicDescription_partitions(described, &raw mut count);
        let id = sys::rd_kafka_TopicDescription_topic_id(described);
        let id = NonNull::new(id.cast_mut()).and_then(|id| text(id.as_ptr()));
        Ok(Topic { partitions: u32::try_from(count).unwrap_or(u32::MAX), id })
    }
}

/// An id as Kafka's tools write it; brokers before 2.8 give none.
///
/// # Safety
/// The id must be valid.
unsafe fn text(id: *const sys::rd_kafka_Uuid_t) -> Option<TopicId> {
    // SAFETY: what the caller promises; the text belongs to the id.
    unsafe {
        let is_zero = sys::rd_kafka_Uuid_most_significant_bits(id) == 0
            && sys::rd_kafka_Uuid_least_significant_bits(id) == 0;
        let text = sys::rd_kafka_Uuid_base64str(id);
        (!is_zero && !text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into())
    }
}

fn check(error: RDKafkaRespErr) -> Result<(), KafkaError> {
    match error {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(KafkaError::MetadataFetch(error.into())),
    }
}

fn no_answer() -> KafkaError {
    KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut)
}

impl<T> Owned<T> {
    /// Takes what was made; none was made for want of an answer or of memory.
    fn new(made: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Result<Self, KafkaError> {
        NonNull::new(made).map(|made| Self(made, destroy)).ok_or_else(no_answer)
    }

    fn ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: it was given to us to destroy, and nobody else has it.
        unsafe { (self.1)(self.ptr()) }
    }
}
