//! The harness of Lantern's end-to-end tests and benchmarks: real servers, real processes, generated events and,
//! folded without any of Lantern's code, what must come out of them.
//!
//! Nothing here waits by the clock: [`eventually()`] asks reality again and again, and every limit in time is only a net.

pub mod artefacts;
pub mod author;
pub mod bank;
pub mod chaos;
pub mod clients;
pub mod core_module;
pub mod event;
pub mod eventually;
pub mod evolved;
pub mod fetched;
pub mod flow;
pub mod host;
pub mod kafka;
pub mod ledger;
pub mod log_dir;
pub mod micro;
pub mod note;
pub mod operator;
pub mod orders;
pub mod page_in;
pub mod process;
pub mod random;
pub mod reader;
pub mod redis_server;
pub mod scratch;
pub mod source;
pub mod terminal;
pub mod view;

pub use author::Author;
pub use event::Event;
pub use eventually::eventually;
pub use flow::Flow;
pub use host::Host;
pub use kafka::Kafka;
pub use log_dir::LogDir;
pub use note::note;
pub use operator::Operator;
pub use process::Process;
pub use reader::Reader;
pub use redis_server::RedisServer;
pub use source::Source;
pub use terminal::Terminal;
