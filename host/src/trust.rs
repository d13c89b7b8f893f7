//! Who is trusted to make modules: Ed25519 signatures in a module's own file. Keys are files in PEM, as OpenSSL writes them;
//! none is ever made, kept or shown here.
//!
//! A signature is a custom section at the end of the file, of the name `lantern:signature`, so that it goes wherever the file
//! goes; there may be several. What is signed is the text `lantern-module-v1:` and the sha256 digest, in hexadecimal, of all
//! bytes before the first of them: nothing else that is signed by the same key can be taken for that.

use ring::signature::{ED25519, ED25519_PUBLIC_KEY_LEN, Ed25519KeyPair, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use sha2::{Digest, Sha256};

/// Before the digest in what is signed.
const DOMAIN: &str = "lantern-module-v1:";

/// The name of the section that has a signature.
const SECTION: &[u8] = b"lantern:signature";

/// Length of a signature, in bytes.
const SIGNATURE_BYTES: usize = 64;

/// How many signatures a module may have.
const SIGNATURES_MAX: usize = 16;

/// What WebAssembly begins with: a magic number and a version.
const HEADER_BYTES: usize = 8;

/// What an Ed25519 key has before its bytes, as a SubjectPublicKeyInfo (RFC 8410).
const PUBLIC_KEY_HEADER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a module or a key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file has no private key of the right kind.
    #[error("it is no Ed25519 private key in PEM (PKCS#8)")]
    NoPrivateKey,
    /// The file has no public key of the right kind.
    #[error("it is no Ed25519 public key in PEM")]
    NoPublicKey,
    /// The file has no sections.
    #[error("it is no WebAssembly")]
    NoModule,
    /// Something has been added to a signed module.
    #[error("it was changed behind its signature")]
    Extended,
    /// To check them all would take a while.
    #[error("it has more than {SIGNATURES_MAX} signatures")]
    TooMany,
    /// Nobody has signed the module.
    #[error("it is not signed, and only signed modules are trusted")]
    Unsigned,
    /// Nobody who is trusted has signed this module.
    #[error("none of its signatures is this module's by a key that is trusted")]
    Untrusted,
}

impl Error {
    /// What the user can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Error::NoPrivateKey => "make one: openssl genpkey -algorithm ed25519 -out KEY.pem",
            Error::NoPublicKey => "take it from the private key: openssl pkey -in KEY.pem -pubout -out KEY.pub",
            Error::NoModule => "name the .wasm file of a plugin",
            Error::Extended | Error::TooMany | Error::Unsigned | Error::Untrusted => {
                "sign it with a key that is trusted (lantern sign MODULE.wasm --key KEY.pem), and deploy it again"
            }
        }
    }
}

/// A key that signs modules.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// Reads a private key from the text of its file.
    pub fn read(pem: &[u8]) -> Result<Self, Error> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| Error::NoPrivateKey)?;
        // OpenSSL leaves the public key out, against which the private one would be checked.
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        key.map(Self).map_err(|_| Error::NoPrivateKey)
    }

    /// The module with this signature, beside those that it has.
    pub fn sign(&self, module: &[u8]) -> Result<Vec<u8>, Error> {
        let (content, signatures) = parts(module)?;
        let signature = self.0.sign(message(content).as_bytes());
        let mut signed = module.to_vec();
        if !signatures.contains(&signature.as_ref()) {
            // Both lengths fit into one byte of a varint.
            signed.extend([0, (1 + SECTION.len() + SIGNATURE_BYTES) as u8, SECTION.len() as u8]);
            signed.extend([SECTION, signature.as_ref()].concat());
        }
        Ok(signed)
    }
}

/// The keys whose modules are run. Without any, all are.
#[derive(Clone, Debug, Default)]
pub struct Trust(Vec<[u8; ED25519_PUBLIC_KEY_LEN]>);

impl Trust {
    /// Trusts this key too. Reads it from the text of its file.
    pub fn add(&mut self, pem: &[u8]) -> Result<(), Error> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| Error::NoPublicKey)?;
        let key = der.as_ref().strip_prefix(&PUBLIC_KEY_HEADER).and_then(|key| key.try_into().ok());
        self.0.push(key.ok_or(Error::NoPublicKey)?);
        Ok(())
    }

    /// Whether the module may be run.
    pub fn check(&self, module: &[u8]) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (content, signatures) = parts(module)?;
        let message = message(content);
        let is_good = |signature: &&[u8]| {
            let verify = |key| UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), signature);
            self.0.iter().any(|key| verify(key).is_ok())
        };
        match signatures.iter().any(is_good) {
            true => Ok(()),
            false if signatures.is_empty() => Err(Error::Unsigned),
            false => Err(Error::Untrusted),
        }
    }
}

/// What is signed of a module.
fn message(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().fold(DOMAIN.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// A module's file without its signatures, and these.
fn parts(module: &[u8]) -> Result<(&[u8], Vec<&[u8]>), Error> {
    if !module.starts_with(b"\0asm") || module.len() < HEADER_BYTES {
        return Err(Error::NoModule);
    }
    let (mut at, mut content, mut signatures) = (HEADER_BYTES, module.len(), Vec::new());
    while at < module.len() {
        let (id, rest) = module[at..].split_first().ok_or(Error::NoModule)?;
        let (bytes, body) = varint(rest).ok_or(Error::NoModule)?;
        let section = body.get(..bytes).ok_or(Error::NoModule)?;
        match signature(section).filter(|_| *id == 0) {
            Some(_) if signatures.len() == SIGNATURES_MAX => return Err(Error::TooMany),
            Some(signature) => {
                content = content.min(at);
                signatures.push(signature);
            }
            None if signatures.is_empty() => {}
            None => return Err(Error::Extended),
        }
        at = module.len() - body.len() + bytes;
    }
    Ok((&module[..content], signatures))
}

/// The signature that a custom section has, if it is one that has.
fn signature(section: &[u8]) -> Option<&[u8]> {
    let (bytes, body) = varint(section)?;
    let (name, signature) = body.split_at_checked(bytes)?;
    (name == SECTION).then_some(signature)
}

/// An unsigned number of up to 32 bits in LEB128, and what follows it.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0u64;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(number).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`, for tests only.
    const KEY: &[u8] = include_bytes!("../../tests/fixtures/signer.pem");
    const PUBLIC: &[u8] = include_bytes!("../../tests/fixtures/signer.pub");
    const STRANGER: &[u8] = include_bytes!("../../tests/fixtures/stranger.pub");

    /// A module of one custom section.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\0\x04\x01xyz";

    fn trust(keys: &[&[u8]]) -> Trust {
        let mut trust = Trust::default();
        keys.iter().for_each(|key| trust.add(key).unwrap());
        trust
    }

    #[test]
    fn only_a_trusted_signature_of_that_module_counts() {
        let signed = Signer::read(KEY).unwrap().sign(MODULE).unwrap();
        assert_eq!(trust(&[PUBLIC]).check(&signed), Ok(()));
        assert_eq!(trust(&[STRANGER, PUBLIC]).check(&signed), Ok(()));
        assert_eq!(trust(&[STRANGER]).check(&signed), Err(Error::Untrusted));
        assert_eq!(trust(&[PUBLIC]).check(MODULE), Err(Error::Unsigned));
        assert_eq!(trust(&[]).check(MODULE), Ok(()));
        assert_eq!(Signer::read(KEY).unwrap().sign(&signed).unwrap(), signed, "twice is once");
    }

    #[test]
    fn nothing_of_a_signed_module_can_be_changed() {
        let signed = Signer::read(KEY).unwrap().sign(MODULE).unwrap();
        for at in 0..signed.len() {
            for bit in 0..8 {
                let mut other = signed.clone();
                other[at] ^= 1 << bit;
                assert!(trust(&[PUBLIC]).check(&other).is_err(), "bit {bit} of byte {at}");
            }
            assert!(trust(&[PUBLIC]).check(&signed[..at]).is_err(), "{at} bytes");
        }
        let extended = [&signed, &MODULE[8..]].concat();
        assert_eq!(trust(&[PUBLIC]).check(&extended), Err(Error::Extended));
        let before = [&MODULE[..8], &signed[MODULE.len()..], &MODULE[8..]].concat();
        assert_eq!(trust(&[PUBLIC]).check(&before), Err(Error::Extended));
        let twice = [&signed, &signed[MODULE.len()..]].concat();
        assert_eq!(trust(&[PUBLIC]).check(&twice), Ok(()));
    }

    #[test]
    fn openssl_makes_the_same_signature() {
        // openssl pkeyutl -sign -rawin -inkey signer.pem, of "lantern-module-v1:" and the output of sha256sum.
        let signed = Signer::read(KEY).unwrap().sign(MODULE).unwrap();
        assert!(signed.ends_with(include_bytes!("../../tests/fixtures/openssl.sig")));
    }

    #[test]
    fn what_is_no_key_and_no_module_is_refused() {
        assert!(matches!(Signer::read(PUBLIC), Err(Error::NoPrivateKey)));
        assert!(matches!(Signer::read(b"key"), Err(Error::NoPrivateKey)));
        assert_eq!(Trust::default().add(KEY), Err(Error::NoPublicKey));
        for text in [&b""[..], b"\0asm", b"text of eight and more", b"\0asm\x01\0\0\0\0\xff\xff\xff\xff\x0f"] {
            assert_eq!(trust(&[PUBLIC]).check(text), Err(Error::NoModule), "{text:?}");
        }
    }
}
