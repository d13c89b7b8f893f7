//! Compiling: in a process of its own, which has bounds in time and memory and leaves nothing behind; or in this one, where
//! plugins are trusted, as in benchmarks.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, setpriority_process, setrlimit,
};
use wasmtime::component::Component;

use super::check::{LoadError, componentize, validate};
use super::engine::{self, Kind};
use super::{Cache, Engine};
use crate::lane::BACKGROUND_NICENESS;
use crate::limits::Limits;

/// How the compiling process ends if it is not the compiler's fault that there is no machine code.
const WITHOUT_CONTRACT: i32 = 3;
const INVALID: i32 = 4;
const FOREIGN_IMPORT: i32 = 5;

/// How much longer than its processors' time the process may take: the machine may be busy, but a process that stands still
/// is ended.
const PATIENCE: u32 = 10;

/// The processes' own time is counted in seconds; so much after being told to stop it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// Takes a plugin from the cache, or makes a component of its bytes and compiles it.
pub(super) fn compiled(
    engine: &Engine,
    kind: Kind,
    cache: &Cache,
    limits: &Limits,
    digest: &str,
    bytes: &[u8],
) -> Result<Component, LoadError> {
    let target = engine.of(kind).map_err(|e| LoadError::Engine(format!("{e:#}")))?;
    if let Some(component) = cache.load(target, digest) {
        return Ok(component);
    }
    let machine_code = match &engine.aside {
        Some(program) => aside(program, kind, limits, bytes)?,
        None => here(target, bytes)?,
    };
    // SAFETY: these bytes come from an engine of the same settings, in this process or in one of the same program.
    let component = unsafe { Component::deserialize(target, &machine_code) };
    let component = component.map_err(|e| LoadError::Invalid(format!("{e:#}")))?;
    cache.store(target, &machine_code, digest);
    Ok(component)
}

fn here(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    validate(engine, bytes)?;
    let machine_code = engine.precompile_component(&componentize(bytes)?);
    machine_code.map_err(|e| LoadError::Invalid(format!("{e:#}")))
}

/// Lets a process of the same program compile.
fn aside(program: &Path, kind: Kind, limits: &Limits, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    // What is no WebAssembly is not worth a process.
    if !bytes.starts_with(b"\0asm") {
        return componentize(bytes).map(|_| Vec::new());
    }
    let seconds = limits.compile_time_max.as_millis().div_ceil(1_000).to_string();
    let most = limits.compile_bytes_max.to_string();
    let run = || {
        let mut child = Command::new(program)
            .args(["compile", kind.word(), &seconds, &most])
            // It reads foreign bytes, and needs no addresses with passwords; to print a backtrace takes memory that may not be
            // there.
            .env_clear()
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Whoever interrupts a command at a terminal means the command, which then ends this one.
            .process_group(0)
            .spawn()?;
        // By its descriptor no other process can be meant, even if this one has just ended. Where there are none, the limits
        // that it sets itself must do.
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).ok();
        let (ended, end) = mpsc::channel::<()>();
        let most = (limits.compile_time_max + GRACE) * PATIENCE;
        let watch = thread::spawn(move || {
            let is_late = end.recv_timeout(most) == Err(mpsc::RecvTimeoutError::Timeout);
            is_late && process.is_some_and(|process| pidfd_send_signal(process, Signal::KILL).is_ok())
        });
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends before it has read all says why by how it ends.
            let _ = stdin.write_all(bytes);
        }
        let output = child.wait_with_output();
        drop(ended);
        Ok((output?, watch.join().unwrap_or(false)))
    };
    let run = run().map_err(|error: io::Error| LoadError::Compiler(format!("it could not be started: {error}")));
    let (output, was_late) = run?;
    if was_late {
        return Err(LoadError::Compiler("it stood still and was ended".to_owned()));
    }
    if output.status.success() { Ok(output.stdout) } else { Err(fault(output, limits)) }
}

/// Why the process gave no machine code.
fn fault(output: Output, limits: &Limits) -> LoadError {
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    let said = text(&output.stderr);
    let signal = |signal: Signal| Some(signal.as_raw());
    match (output.status.code(), output.status.signal()) {
        (Some(WITHOUT_CONTRACT), _) => LoadError::WithoutContract(text(&output.stdout)),
        (Some(INVALID), _) => LoadError::Invalid(text(&output.stdout)),
        (Some(FOREIGN_IMPORT), _) => LoadError::ForeignImport(text(&output.stdout)),
        (_, number) if number == signal(Signal::XCPU) => LoadError::CompileTime(limits.compile_time_max),
        (_, number) if number == signal(Signal::ABORT) && said.contains("memory allocation of") => {
            LoadError::CompileMemory { limit: limits.compile_bytes_max }
        }
        _ if said.contains("has overflowed its stack") => {
            LoadError::Invalid("it nests too deep, or in a circle".to_owned())
        }
        // Its threads get no stack.
        _ if said.contains("thread pool has not been initialized") || said.contains("(os error 12)") => {
            LoadError::CompileMemory { limit: limits.compile_bytes_max }
        }
        _ => {
            LoadError::Compiler(format!("{}: {}", output.status, said.lines().next().unwrap_or("it said nothing")))
        }
    }
}

/// A plugin's bytes as a component: made into one, if they are a core module. Nothing of it is compiled.
pub fn component(engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let target = engine.of(engine.first()).map_err(|e| LoadError::Engine(format!("{e:#}")))?;
    validate(target, bytes)?;
    componentize(bytes).map(Cow::into_owned)
}

/// What the compiling process does: reads a plugin, and writes its machine code, or why there is none. Gives its exit
/// code.
pub fn compile(
    kind: &str,
    seconds: u64,
    bytes_max: u64,
    mut plugin: impl Read,
    mut machine_code: impl Write,
) -> io::Result<u8> {
    // Should the host end, so does this.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Nobody who computes should wait for it. Where that is not to be had, it is done all the same.
    let _ = setpriority_process(None, BACKGROUND_NICENESS);
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Cpu, seconds, GRACE.as_secs())?;
    let kind = Kind::named(kind).ok_or_else(|| io::Error::other(format!("there is no engine `{kind}`")))?;
    let engine = engine::new(kind, &Limits::default()).map_err(|e| io::Error::other(format!("{e:#}")))?;
    // Beside what the process and the engine have taken, which is mostly reserved.
    limit(Resource::Data, bytes_taken()?.saturating_add(bytes_max), 0)?;
    let mut bytes = Vec::new();
    plugin.read_to_end(&mut bytes)?;
    let (code, said) = match here(&engine, &bytes) {
        Ok(compiled) => (0, compiled),
        Err(LoadError::WithoutContract(why)) => (WITHOUT_CONTRACT, why.into_bytes()),
        Err(LoadError::Invalid(why)) => (INVALID, why.into_bytes()),
        Err(LoadError::ForeignImport(import)) => (FOREIGN_IMPORT, import.into_bytes()),
        Err(other) => (INVALID, other.to_string().into_bytes()),
    };
    machine_code.write_all(&said)?;
    machine_code.flush()?;
    Ok(code as u8)
}

/// Bounds what this process takes; what is bounded more tightly already stays so.
fn limit(resource: Resource, most: u64, grace: u64) -> io::Result<()> {
    let hard = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let bound = Rlimit { current: Some(most.min(hard)), maximum: Some(most.saturating_add(grace).min(hard)) };
    Ok(setrlimit(resource, bound)?)
}

/// Bytes of private memory that this process can write, as the system counts them.
fn bytes_taken() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let data = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = data.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| io::Error::other("/proc/self/status has no VmData"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitStatus;

    #[test]
    fn a_plugin_on_which_the_compiler_runs_out_of_stack_is_to_blame_for_it() {
        let said =
            "\nthread 'main' (10932) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n";
        let status = ExitStatus::from_raw(Signal::ABORT.as_raw());
        let output = Output { status, stdout: Vec::new(), stderr: said.into() };
        assert!(matches!(fault(output, &Limits::default()), LoadError::Invalid(_)));
    }
}
