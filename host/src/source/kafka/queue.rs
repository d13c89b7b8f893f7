//! The messages of one partition, taken in batches by librdkafka's C API: it gives some 1.9 M messages a second where
//! the safe wrapper's call for each message gives 1.1 M.
//!
//! All unsafe code of the Kafka source is here and in `describe.rs`.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka_sys as sys;
use tokio::sync::Notify;

use super::client::Context;
use crate::event::{TopicPartition, encode_header};

/// Messages taken with one call.
const TAKE_MAX: usize = 1000;

/// The queue of one partition that a consumer fetches.
///
/// It is fetched by librdkafka's simple consumer: one that can be assigned partitions keeps a connection and a thread for the
/// coordinator of a group that is never joined.
pub(super) struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    fetched: NonNull<sys::rd_kafka_topic_t>,
    taken: Vec<*mut sys::rd_kafka_message_t>,
    /// How many of `taken` have been given away.
    given: usize,
    topic: CString,
    partition: i32,
    /// Told whenever the queue begins to have something. The callback borrows it.
    _filled: Arc<Notify>,
    /// Outlives the queue.
    consumer: Arc<BaseConsumer<Context>>,
}

// SAFETY: librdkafka's queues and messages may be used from any thread, by one at a time.
unsafe impl Send for Queue {}

/// What a consumer has to say beside events: its log, and its errors.
pub(super) struct Tidings {
    queue: NonNull<sys::rd_kafka_queue_t>,
    consumer: Arc<BaseConsumer<Context>>,
}

// SAFETY: as for `Queue`.
unsafe impl Send for Tidings {}

/// What stands at the head of a queue.
pub(super) enum Taken<'a> {
    Message(Message<'a>),
    Error(RDKafkaErrorCode),
    Nothing,
}

/// A message, still in librdkafka's memory.
pub(super) struct Message<'a>(&'a sys::rd_kafka_message_t);

impl Queue {
    /// Begins to fetch from this offset on.
    pub(super) fn new(
        consumer: &Arc<BaseConsumer<Context>>,
        at: &TopicPartition,
        first: u64,
        filled: &Arc<Notify>,
    ) -> Result<Self, KafkaError> {
        let topic = CString::new(&*at.topic).map_err(KafkaError::Nul)?;
        let partition = i32::try_from(at.partition).map_err(|_| unknown_partition())?;
        let first = i64::try_from(first).map_err(|_| KafkaError::Global(RDKafkaErrorCode::InvalidArgument))?;
        // SAFETY: the client lives, for `consumer` holds it; the name is a C string that librdkafka copies. With no settings of its
        // own the topic takes those of the client. That comes first: only for a topic that is new to it does the client ask at
        // once who leads it, else it may take a second until it looks.
        let fetched =
            unsafe { sys::rd_kafka_topic_new(consumer.client().native_ptr(), topic.as_ptr(), ptr::null_mut()) };
        let fetched = NonNull::new(fetched).ok_or_else(last_error)?;
        // SAFETY: as above.
        let queue = unsafe {
            sys::rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition)
        };
        let Some(queue) = NonNull::new(queue) else {
            // SAFETY: the topic was just given to us, and nobody else has it.
            unsafe { sys::rd_kafka_topic_destroy(fetched.as_ptr()) };
            return Err(unknown_partition());
        };
        // SAFETY: the queue was just given to us. The callback gets a pointer to the `Notify` that `_filled` keeps
        // alive until the callback is taken off again.
        unsafe {
            sys::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut());
            let told = Arc::as_ptr(filled).cast_mut().cast::<c_void>();
            sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(tell), told);
        }
        let (_filled, consumer) = (filled.clone(), consumer.clone());
        let queue = Self { queue, fetched, taken: Vec::new(), given: 0, topic, partition, _filled, consumer };
        // SAFETY: the topic is the client's, and lives as long as the queue.
        match unsafe { sys::rd_kafka_consume_start(fetched.as_ptr(), partition, first) } {
            0 => Ok(queue),
            _refused => Err(last_error()),
        }
    }

    /// The offset behind the last that the partition had when the broker last answered; none before it has.
    pub(super) fn log_end(&self) -> Option<u64> {
        let (mut first, mut end) = (0, 0);
        // SAFETY: client and name live, and there is a place for each answer. The broker is not asked.
        let error = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                self.topic.as_ptr(),
                self.partition,
                &raw mut first,
                &raw mut end,
            )
        };
        let known = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        u64::try_from(end).ok().filter(|_| known)
    }

    /// What is at the head, without waiting and without taking it away.
    pub(super) fn head(&mut self) -> Taken<'_> {
        if self.given == self.taken.len() {
            self.take();
        }
        let Some(&message) = self.taken.get(self.given) else { return Taken::Nothing };
        // SAFETY: a message that was taken and not given away is ours and valid until it is destroyed.
        let message = unsafe { &*message };
        match message.err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Taken::Message(Message(message)),
            error => Taken::Error(error.into()),
        }
    }

    /// Takes the head away. There must be one.
    pub(super) fn pop(&mut self) {
        // SAFETY: as in `head`; the message is not looked at again, for `given` moves past it.
        unsafe { sys::rd_kafka_message_destroy(self.taken[self.given]) };
        self.given += 1;
    }

    /// Gives back what was taken and not given away.
    fn let_go(&mut self) {
        while self.given < self.taken.len() {
            self.pop();
        }
    }

    fn take(&mut self) {
        self.taken.clear();
        self.given = 0;
        self.taken.reserve(TAKE_MAX);
        // SAFETY: there is room for as many messages as are asked for. Each one written is ours to destroy.
        let count = unsafe {
            sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, self.taken.as_mut_ptr(), TAKE_MAX)
        };
        // SAFETY: so many have been written.
        unsafe { self.taken.set_len(usize::try_from(count).unwrap_or(0)) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: queue and topic are ours. Taking the callback off waits for one that runs (both hold the queue's lock),
        // so nobody uses the `Notify` afterwards. To stop does not wait for a broker.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            sys::rd_kafka_consume_stop(self.fetched.as_ptr(), self.partition);
        }
        self.let_go();
        // What was fetched and not taken would stay for as long as the client does. To look for more drops it.
        self.take();
        self.let_go();
        // SAFETY: as above; nobody has them afterwards.
        unsafe {
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
            sys::rd_kafka_topic_destroy(self.fetched.as_ptr());
        }
    }
}

impl Tidings {
    pub(super) fn new(consumer: &Arc<BaseConsumer<Context>>) -> Result<Self, KafkaError> {
        // SAFETY: the client lives, for `consumer` holds it. The queue that is given is ours to let go of.
        let queue = unsafe { sys::rd_kafka_queue_get_main(consumer.client().native_ptr()) };
        let queue = NonNull::new(queue).ok_or_else(unknown_partition)?;
        Ok(Self { queue, consumer: consumer.clone() })
    }

    /// Lets the consumer say, to its context, all that it has to say.
    pub(super) fn hear(&self) {
        // SAFETY: the queue is ours.
        while unsafe { sys::rd_kafka_queue_length(self.queue.as_ptr()) } > 0 {
            // The partitions have queues of their own, so no event comes this way.
            let _ = self.consumer.poll(Duration::ZERO);
        }
    }
}

impl Drop for Tidings {
    fn drop(&mut self) {
        // SAFETY: it was given to us, and nobody else lets go of it.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

unsafe extern "C" fn tell(_client: *mut sys::rd_kafka_t, told: *mut c_void) {
    // SAFETY: it is the `Notify` that the queue keeps alive while this callback is set.
    let filled = unsafe { &*told.cast::<Notify>() };
    filled.notify_one();
}

/// Why the last call failed that does not say so by itself.
fn last_error() -> KafkaError {
    // SAFETY: it has no conditions.
    KafkaError::Global(unsafe { sys::rd_kafka_last_error() }.into())
}

fn unknown_partition() -> KafkaError {
    KafkaError::Global(RDKafkaErrorCode::UnknownPartition)
}

impl<'a> Message<'a> {
    pub(super) fn offset(&self) -> u64 {
        self.0.offset.max(0).unsigned_abs()
    }

    /// Milliseconds since the Unix epoch, -1 if it has none.
    pub(super) fn timestamp(&self) -> i64 {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, and `kind` is a place for the answer.
        unsafe { sys::rd_kafka_message_timestamp(self.0, &raw mut kind) }
    }

    pub(super) fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: librdkafka's pointer and length of the key, which lives as long as the message.
        unsafe { bytes(self.0.key, self.0.key_len) }
    }

    pub(super) fn payload(&self) -> Option<&'a [u8]> {
        // SAFETY: as for the key.
        unsafe { bytes(self.0.payload, self.0.len) }
    }

    /// Key and payload in bytes; headers are not counted.
    pub(super) fn bytes(&self) -> usize {
        self.0.key_len + self.0.len
    }

    /// Encodes the headers as the contract has them.
    pub(super) fn headers(&self, encoded: &mut Vec<u8>) {
        encoded.clear();
        let mut headers = ptr::null_mut();
        // SAFETY: the message is valid; the headers that come back stay its own.
        let error = unsafe { sys::rd_kafka_message_headers(self.0, &raw mut headers) };
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null::<c_char>(), ptr::null::<c_void>(), 0usize);
            // SAFETY: the headers are valid, and there is a place for each answer.
            let error = unsafe {
                sys::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut length)
            };
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: a header's name is a C string and its value so many bytes, both the message's own.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, length)) };
            encode_header(encoded, name.to_bytes(), value);
        }
    }
}

/// # Safety
/// If the pointer is not null, so many bytes must be readable there for as long as `'a`.
unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Option<&'a [u8]> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: what the caller promises.
    Some(unsafe { slice::from_raw_parts(pointer.cast(), length) })
}
