//! A private `redis-server`, a child of this process on a loopback port of its own.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::cli::UserError;

/// How long the server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server; it is stopped when this is dropped, and dies with this process in any case.
pub(super) struct RedisServer {
    child: Child,
    port: u16,
}

impl RedisServer {
    /// Starts a server that keeps its data in the directory.
    pub(super) fn start(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--appendonly", "yes", "--save", "", "--logfile", "redis.log", "--dir"])
            .arg(directory)
            // Ctrl-C is for us: the lanes still want to commit.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        // SAFETY: between fork and exec this makes one system call and touches no memory of the parent's.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?));
        }
        let child = command.spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => anyhow::Error::from(UserError::failure(
                "redis-server is not installed",
                "install it: apt-get install redis-server",
            )),
            _ => anyhow::Error::from(e).context("cannot start redis-server"),
        })?;
        let mut server = Self { child, port };
        server.wait_until_ready(directory)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, directory: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            // While it loads its data the server refuses commands; lanes wait for that by themselves.
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().context("cannot watch redis-server")?;
            if ended.is_some() || Instant::now() > deadline {
                let log = directory.join("redis.log");
                return Err(UserError::failure(
                    "redis-server did not start",
                    format!("its log says why: {}", log.display()),
                )
                .into());
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no loopback port is free")?;
    Ok(listener.local_addr()?.port())
}
