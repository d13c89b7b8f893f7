//! A process at a terminal, as a person has one: it sees a terminal in place of pipes, and keys can be pressed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::{Deref, DerefMut};
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::{Mode, OFlags, open};
use rustix::ioctl::{Getter, Opcode, Setter, ioctl, opcode};
use rustix::process::{ioctl_tiocsctty, setsid};

use crate::process::Process;

/// What Ctrl-C sends.
const CTRL_C: u8 = 0x03;

/// A process, and the other end of its terminal. What it shows is its stdout; a line that is drawn anew is one more line.
pub struct Terminal {
    process: Process,
    keyboard: File,
}

impl Terminal {
    /// Starts a command under a name for people, in a session of its own.
    pub(crate) fn start(name: &str, mut command: Command) -> Terminal {
        let (keyboard, screen) = pair().expect("Linux has pseudoterminals");
        let side = || screen.try_clone().expect("a file can be had twice");
        command.stdin(side()).stdout(side()).stderr(side());
        drop(screen);
        let lead = || {
            setsid()?;
            // SAFETY: a process has its stdin, which is the terminal here, when this is run.
            ioctl_tiocsctty(unsafe { BorrowedFd::borrow_raw(0) })?;
            Ok(())
        };
        // SAFETY: between fork and exec only two system calls are made; nothing is allocated, no lock is taken.
        unsafe { command.pre_exec(lead) };
        let shown = Redrawn(keyboard.try_clone().expect("a file can be had twice"));
        Terminal { process: Process::spawn_shown_by(name, command, shown), keyboard }
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) {
        self.keyboard.write_all(&[CTRL_C]).expect("the terminal is there");
    }
}

impl Deref for Terminal {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Terminal {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The person's end of a new terminal, and the process's.
fn pair() -> io::Result<(File, File)> {
    const UNLOCK: Opcode = opcode::write::<i32>(b'T', 0x31);
    const NUMBER: Opcode = opcode::read::<u32>(b'T', 0x30);
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let person = open("/dev/ptmx", flags, Mode::empty())?;
    // SAFETY: this is TIOCSPTLCK, which reads one integer.
    unsafe { ioctl(&person, Setter::<UNLOCK, i32>::new(0))? };
    // SAFETY: this is TIOCGPTN, which writes one integer.
    let number = unsafe { ioctl(&person, Getter::<NUMBER, u32>::new())? };
    let process = open(format!("/dev/pts/{number}"), flags, Mode::empty())?;
    Ok((person.into(), process.into()))
}

/// Gives lines that are drawn anew as further lines.
struct Redrawn(File);

impl Read for Redrawn {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        buffer[..count].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        Ok(count)
    }
}
