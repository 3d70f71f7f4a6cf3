//! What a kernel image file is, and the ELF inside of it.
//!
//! Booting the ELF itself saves the guest from decompressing it, about a
//! second under emulation. Owns the x86 boot protocol's few fields that say
//! where the payload is. Never decides which file to boot; see [`super::boot`].

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

use super::decompress::{DecompressError, decompress};

/// `HdrS`, the boot protocol's signature, and where it is.
const SIGNATURE: (usize, &[u8]) = (0x202, b"HdrS");
/// Where the protocol's version is.
const PROTOCOL: usize = 0x206;
/// Version of the protocol that brought the payload's offset and length: 2.08.
const PAYLOAD_SINCE: u16 = 0x0208;
/// Note type of the 32-bit entry point that lets QEMU start an ELF directly.
const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;

/// What a file that claims to be a kernel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The compressed image that distributions install as `vmlinuz`.
    BzImage,
    /// An uncompressed `vmlinux`.
    Elf,
}

/// Why a file is no kernel that we can boot.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Neither a bzImage nor an ELF file.
    #[error("it is not a Linux kernel for x86-64: neither a bzImage nor an ELF vmlinux")]
    NotAKernel,
    /// An ELF for another processor, a program, or an old kernel.
    #[error("it is an ELF file and not a kernel that QEMU can start: {why}")]
    NotBootable {
        /// What is missing.
        why: &'static str,
    },
    /// The header points outside of the file, or is of a time before cgroup v2.
    #[error("its boot header is damaged")]
    Header,
    /// The payload could not be decompressed.
    #[error("its payload cannot be unpacked")]
    Payload(#[from] DecompressError),
}

/// Tells a bzImage from an ELF vmlinux.
///
/// # Errors
///
/// When it is neither, or an ELF file that QEMU cannot start.
pub fn kind(bytes: &[u8]) -> Result<Kind, ImageError> {
    let (at, magic) = SIGNATURE;
    if bytes.get(at..at + magic.len()) == Some(magic) {
        // Every kernel with cgroup v2 is newer than the payload's fields.
        return match u16_at(bytes, PROTOCOL) {
            Some(version) if version >= PAYLOAD_SINCE => Ok(Kind::BzImage),
            _ => Err(ImageError::Header),
        };
    }
    if bytes.starts_with(&elf::ELFMAG) {
        check_elf(bytes)?;
        return Ok(Kind::Elf);
    }
    Err(ImageError::NotAKernel)
}

/// The release that a bzImage names in its header, such as `6.1.0-50-amd64`.
#[must_use]
pub fn release(bytes: &[u8]) -> Option<String> {
    let offset = usize::from(u16_at(bytes, 0x20e)?);
    if offset == 0 {
        return None;
    }
    let text = bytes.get(offset + 0x200..)?;
    let end = text
        .iter()
        .take(256)
        .position(|byte| *byte == 0 || *byte == b' ')?;
    let release = std::str::from_utf8(&text[..end]).ok()?;
    is_release(release).then(|| release.to_owned())
}

/// Whether `text` can be a kernel release: it becomes a file name.
#[must_use]
pub fn is_release(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-~".contains(&byte);
    text.len() <= 128 && text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(plain)
}

/// The ELF vmlinux inside of a bzImage.
///
/// # Errors
///
/// When the header is damaged, the payload cannot be unpacked, or what comes
/// out is no ELF that QEMU can start. The bzImage itself may still boot.
pub fn extract(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    let header = || -> Option<(usize, usize)> {
        if u16_at(bytes, PROTOCOL)? < PAYLOAD_SINCE {
            return None;
        }
        // Zero stands for four sectors, for compatibility with old loaders.
        let sectors = match *bytes.get(0x1f1)? {
            0 => 4,
            count => usize::from(count),
        };
        let offset = usize::try_from(u32_at(bytes, 0x248)?).ok()?;
        let length = usize::try_from(u32_at(bytes, 0x24c)?).ok()?;
        Some((((sectors + 1) * 512).checked_add(offset)?, length))
    };
    let (start, length) = header().ok_or(ImageError::Header)?;
    let end = start.checked_add(length).ok_or(ImageError::Header)?;
    let payload = bytes.get(start..end).ok_or(ImageError::Header)?;
    let vmlinux = decompress(payload)?;
    check_elf(&vmlinux)?;
    Ok(vmlinux)
}

/// Checks that QEMU can start the ELF: x86-64, with the note that names a 32-bit entry.
fn check_elf(bytes: &[u8]) -> Result<(), ImageError> {
    let damaged = |_| ImageError::NotBootable {
        why: "its headers are damaged or not 64-bit",
    };
    let header = elf::FileHeader64::<Endianness>::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    if header.e_machine(endian) != elf::EM_X86_64 {
        return Err(ImageError::NotBootable {
            why: "it is for another processor",
        });
    }
    for segment in header.program_headers(endian, bytes).map_err(damaged)? {
        let Some(mut notes) = segment.notes(endian, bytes).map_err(damaged)? else {
            continue;
        };
        while let Some(note) = notes.next().map_err(damaged)? {
            if note.name() == b"Xen" && note.n_type(endian) == XEN_ELFNOTE_PHYS32_ENTRY {
                return Ok(());
            }
        }
    }
    Err(ImageError::NotBootable {
        why: "it has no PVH entry point (CONFIG_PVH)",
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest ELF with a PVH note, followed by `padding` zeros.
    pub(crate) fn vmlinux(padding: usize) -> Vec<u8> {
        let mut elf = vec![0_u8; 64 + 56];
        elf[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        (elf[16], elf[18], elf[20]) = (2, 62, 1);
        // One program header of 56 bytes at 64, of type NOTE, its 20 bytes after it.
        (elf[32], elf[52], elf[54], elf[56]) = (64, 64, 56, 1);
        (elf[64], elf[72], elf[96], elf[112]) = (4, 120, 20, 4);
        elf.extend([4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0]);
        elf.extend(b"Xen\0\x01\0\0\0");
        elf.resize(elf.len() + padding, 0);
        elf
    }

    /// A bzImage of one setup sector around `payload`.
    pub(crate) fn bzimage(payload: &[u8], release: &str) -> Vec<u8> {
        let mut bytes = vec![0_u8; 1024];
        bytes[0x1f1] = 1;
        bytes[0x202..0x206].copy_from_slice(b"HdrS");
        bytes[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
        bytes[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        bytes[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        bytes[0x300..0x300 + release.len()].copy_from_slice(release.as_bytes());
        bytes[0x300 + release.len()] = b' ';
        bytes.extend(payload);
        bytes
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn the_elf_inside_comes_out_and_the_release_is_read() {
        let elf = vmlinux(5000);
        let image = bzimage(&zstd(&elf), "6.1.0-50-amd64");
        assert_eq!(kind(&image).unwrap(), Kind::BzImage);
        assert_eq!(release(&image).as_deref(), Some("6.1.0-50-amd64"));
        assert_eq!(extract(&image).unwrap(), elf);
        assert_eq!(kind(&elf).unwrap(), Kind::Elf);
    }

    #[test]
    fn text_and_programs_are_no_kernels() {
        assert!(matches!(kind(b"#!/bin/sh\n"), Err(ImageError::NotAKernel)));
        assert!(matches!(kind(b""), Err(ImageError::NotAKernel)));
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = kind(&program).unwrap_err();
        assert!(error.to_string().contains("CONFIG_PVH"), "{error}");
    }

    #[test]
    fn a_payload_beyond_the_file_is_a_damaged_header() {
        let mut image = bzimage(b"", "6.1");
        image[0x24f] = 0xff;
        assert!(matches!(extract(&image), Err(ImageError::Header)));
    }

    #[test]
    fn a_payload_that_is_not_unpacked_here_says_so() {
        let image = bzimage(&[2, 0x21, 0x4c, 0x18, 0, 0], "6.1");
        assert!(matches!(extract(&image), Err(ImageError::Payload(_))));
    }

    #[test]
    fn a_release_that_is_a_path_is_not_taken() {
        assert_eq!(release(&bzimage(b"", "../../etc")), None);
        assert!(is_release("7.2.12+deb14-cloud-amd64"));
        assert!(!is_release("6.1/x"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), stamp in any::<bool>()) {
            if stamp && bytes.len() > 0x206 {
                bytes[0x202..0x206].copy_from_slice(b"HdrS");
            }
            let _ = kind(&bytes);
            let _ = release(&bytes);
            let _ = extract(&bytes);
        }
    }
}
