//! Apache Kafka as a child process: one node, KRaft, loopback, its data in a scratch folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::artefacts::target_dir;
use crate::eventually::{NET, eventually};
use crate::note;
use crate::page_in::page_in;
use crate::process::Process;
use crate::redis_server::free_port;
use crate::scratch::Scratch;

/// Another process may take a port between our look and the broker's bind.
const ATTEMPTS: usize = 3;

/// One broker. Killed when this is dropped.
pub(super) struct Broker {
    port: u16,
    /// Where it listens for those who come by a proxy, if there is one.
    outside: Option<u16>,
    java: Java,
    scratch: Scratch,
    process: Option<Process>,
}

/// What runs it.
struct Java {
    binary: PathBuf,
    classpath: String,
}

impl Broker {
    /// Starts one, or says what it lacks on this machine. With a proxy's port it has a second listener, and whoever comes
    /// there is told to come by the proxy.
    pub(super) fn start(proxy: Option<u16>) -> Result<Broker, String> {
        let mut attempt = 1;
        loop {
            let mut broker = Broker::formatted(Java::find()?, proxy);
            let started = Instant::now();
            match broker.boot() {
                Ok(()) => {
                    note(&format!("Apache Kafka answers on {} after {:.1?}", broker.servers(), started.elapsed()));
                    return Ok(broker);
                }
                Err(log) if attempt == ATTEMPTS => panic!("Kafka does not start:\n{log}"),
                Err(_) => attempt += 1,
            }
        }
    }

    /// `host:port`.
    pub(super) fn servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where a proxy finds it.
    pub(super) fn outside(&self) -> Option<u16> {
        self.outside
    }

    /// The CPU time that its process has used; none while it is killed.
    pub(super) fn cpu_time(&self) -> Duration {
        self.process.as_ref().map(Process::cpu_time).unwrap_or_default()
    }

    /// Has the machine read all partitions of a topic.
    pub(super) fn page_in(&self, topic: &str) -> io::Result<()> {
        let is_of_topic = |folder: &Path| {
            let name = folder.file_name().and_then(OsStr::to_str);
            name.and_then(|name| name.rsplit_once('-')).is_some_and(|(name, _)| name == topic)
        };
        for folder in fs::read_dir(self.scratch.path().join("data"))? {
            let folder = folder?.path();
            if is_of_topic(&folder) {
                page_in(&folder)?;
            }
        }
        Ok(())
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on its port and data.
    pub(super) fn start_again(&mut self) {
        self.kill();
        self.boot().unwrap_or_else(|log| panic!("Kafka does not start again:\n{log}"));
    }

    fn formatted(java: Java, proxy: Option<u16>) -> Broker {
        let (scratch, port) = (Scratch::new("kafka"), free_port());
        let outside = proxy.map(|proxy| (free_port(), proxy));
        let settings = scratch.file("server.properties", settings(port, outside, free_port(), scratch.path()));
        let mut format = java.command("kafka.tools.StorageTool");
        format.args(["format", "--cluster-id", "bGFudGVybi10ZXN0cy0xMA", "--config"]).arg(settings);
        let output = format.stdin(Stdio::null()).output().expect("java was found");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "Kafka's data can't be formatted: {}",
            text(&output.stdout) + &text(&output.stderr)
        );
        Broker { port, outside: outside.map(|(port, _)| port), java, scratch, process: None }
    }

    /// Starts the process and returns when it answers a request, or with its log when it ended before.
    fn boot(&mut self) -> Result<(), String> {
        let mut command = self.java.command("kafka.Kafka");
        command.arg(self.scratch.path().join("server.properties"));
        let mut process = Process::spawn("kafka", command);
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.servers())
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "50")
            .create()
            .expect("these settings are librdkafka's");
        eventually("Kafka answers", NET, || {
            if process.ended().is_some() {
                return Ok(Err(process.tail()));
            }
            match client.fetch_metadata(None, Duration::from_secs(1)) {
                Ok(metadata) if !metadata.brokers().is_empty() => Ok(Ok(())),
                Ok(_) => Err("it knows no broker yet".to_owned()),
                Err(error) => Err(format!("{error}\n{}", process.tail())),
            }
        })?;
        self.process = Some(process);
        Ok(())
    }
}

impl Java {
    fn find() -> Result<Java, String> {
        let jars = target_dir().join("kafka");
        let has_jars = fs::read_dir(&jars).is_ok_and(|mut entries| entries.next().is_some());
        if !has_jars {
            return Err("its jars are not in the target directory".to_owned());
        }
        let home = env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
        let binary = home.filter(|java| java.exists()).unwrap_or_else(|| "java".into());
        let java = Java { binary, classpath: format!("{}/*", jars.display()) };
        let answers = Command::new(&java.binary)
            .arg("-version")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if answers { Ok(java) } else { Err("there is no java".to_owned()) }
    }

    /// A class of Kafka in a small JVM that starts fast rather than running fast.
    fn command(&self, class: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["-Xms96m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
        command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", &self.classpath, class]);
        command
    }
}

fn settings(port: u16, outside: Option<(u16, u16)>, controller: u16, folder: &Path) -> String {
    let (listens, advertises) = match outside {
        Some((port, proxy)) => (format!(",OUTSIDE://127.0.0.1:{port}"), format!(",OUTSIDE://127.0.0.1:{proxy}")),
        None => Default::default(),
    };
    format!(
        "process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port}{listens},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertises}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=500
log.initial.task.delay.ms=500
log.retention.check.interval.ms=500
",
        data = folder.join("data").display()
    )
}
