//! A TCP proxy on the loopback device whose connections can be cut, slowed down, held, and led elsewhere.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that one direction of a connection carries at once.
const CHUNK_BYTES: usize = 64 << 10;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be started")
});

/// A proxy. With it go its connections.
pub struct Proxy {
    port: u16,
    line: watch::Sender<Line>,
}

/// How fast bytes go one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As they come.
    Free,
    /// Each chunk so much later.
    Slow(Duration),
    /// Not at all, until that is over; nothing is lost unless the connection is cut.
    Held,
}

#[derive(Clone, Copy)]
struct Line {
    /// The port where new connections are led to. None: they are closed at once.
    target: Option<u16>,
    requests: Pace,
    replies: Pace,
    /// How often all connections were cut.
    cuts: u64,
}

impl Proxy {
    /// A proxy to nowhere.
    pub fn start() -> Proxy {
        let line = Line { target: None, requests: Pace::Free, replies: Pace::Free, cuts: 0 };
        let (line, seen) = watch::channel(line);
        let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).expect("the loopback device has ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        RUNTIME.spawn(accept(listener, seen));
        Proxy { port, line }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Leads new connections to this port; those that are open stay where they are.
    pub fn lead_to(&self, port: u16) {
        self.line.send_modify(|line| line.target = Some(port));
    }

    /// Closes all open connections, with whatever is on its way.
    pub fn cut(&self) {
        self.line.send_modify(|line| line.cuts += 1);
    }

    /// Sets how fast requests and replies go.
    pub fn pace(&self, requests: Pace, replies: Pace) {
        self.line.send_modify(|line| (line.requests, line.replies) = (requests, replies));
    }
}

/// Runs until the proxy is dropped; then all connections are closed.
async fn accept(listener: TcpListener, mut line: watch::Receiver<Line>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let target = line.borrow().target;
                if let (Ok((client, _)), Some(target)) = (accepted, target) {
                    connections.spawn(carry(client, target, line.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            changed = line.changed() => if changed.is_err() { return },
        }
    }
}

async fn carry(client: TcpStream, target: u16, mut line: watch::Receiver<Line>) {
    let cuts = line.borrow().cuts;
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    // A proxy that waits to fill its packets would be a fault that nobody has injected.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((requests, to_client), (replies, to_server)) = (client.into_split(), server.into_split());
    let (forth, back) = (line.clone(), line.clone());
    tokio::select! {
        () = pump(requests, to_server, forth, |line| line.requests) => {}
        () = pump(replies, to_client, back, |line| line.replies) => {}
        _ = line.wait_for(|line| line.cuts != cuts) => {}
    }
}

/// Carries bytes one way until an end of the connection is closed.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    pace: fn(&Line) -> Pace,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let Ok(pace) = line.wait_for(|line| pace(line) != Pace::Held).await.map(|line| pace(&line)) else {
            return;
        };
        if let Pace::Slow(delay) = pace {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
