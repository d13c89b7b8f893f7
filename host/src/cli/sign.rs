//! `lantern sign`: puts a signature into a plugin's file, by which hosts that ask for one know whom it is from. And the
//! keys of those whom a command trusts.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Printer, UserError};
use crate::trust::{self, Signer, Trust};

/// Sign plugins, for hosts that run only what is signed by keys they trust
#[derive(clap::Args)]
#[command(after_help = "\
The signature goes into the file itself, and with it to Redis. A file may have several. Keys are made by OpenSSL:

  openssl genpkey -algorithm ed25519 -out KEY.pem
  openssl pkey -in KEY.pem -pubout -out KEY.pub

Examples:
  lantern sign balances.wasm --key KEY.pem
  lantern run --trust KEY.pub")]
pub(crate) struct Args {
    /// Sign these files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Sign with this private key: Ed25519, PKCS#8 in PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Whose modules are trusted.
#[derive(Debug, clap::Args)]
pub(super) struct Trusting {
    /// Take only modules that are signed with this public key (see lantern sign); repeat it for more keys
    #[arg(long = "trust", value_name = "KEY.pub")]
    keys: Vec<PathBuf>,
}

impl Trusting {
    /// Reads the keys.
    pub(super) fn read(&self) -> Result<Trust, UserError> {
        let mut trust = Trust::default();
        for file in &self.keys {
            trust.add(&read(file)?).map_err(|error| of_file(file, error))?;
        }
        Ok(trust)
    }
}

pub(crate) fn run(args: Args, printer: &mut Printer) -> anyhow::Result<()> {
    let signer = Signer::read(&read(&args.key)?).map_err(|error| of_file(&args.key, error))?;
    for file in &args.files {
        let module = read(file)?;
        let signed = signer.sign(&module).map_err(|error| of_file(file, error))?;
        if signed == module {
            printer.note(format_args!("{} was signed already", file.display()));
            continue;
        }
        replace(file, &signed)?;
        printer.note(format_args!("signed {}", file.display()));
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, UserError> {
    fs::read(file).map_err(|error| {
        UserError::failure(
            format!("cannot read {}: {error}", file.display()),
            "check the path and who may read it",
        )
    })
}

/// Puts another content into the place of a file, so that it is never half written.
fn replace(file: &Path, content: &[u8]) -> Result<(), UserError> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".signing");
    let written = fs::write(&beside, content).and_then(|()| fs::rename(&beside, file));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        let hint = "check that there is room, and who may write there";
        UserError::failure(format!("cannot write {}: {error}", file.display()), hint)
    })
}

fn of_file(file: &Path, error: trust::Error) -> UserError {
    UserError::failure(format!("cannot use {}: {error}", file.display()), error.hint())
}
