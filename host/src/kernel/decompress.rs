//! The compressions that kernels and their modules come in.
//!
//! Owns the recognition by magic number and a bound on what comes out. Never
//! guesses: what is not recognised is an error that names the first bytes.

use std::fmt;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

/// Most bytes that anything here decompresses to: 512 MiB, eight times a
/// distribution's kernel.
pub const MAX_OUTPUT: u64 = 512 << 20;

/// A compression by its magic number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// The `.xz` container.
    Xz,
    /// RFC 8878.
    Zstd,
    /// The legacy frame that kernels use; not decoded here.
    Lz4,
    /// Not compressed: an ELF file.
    Elf,
}

impl Format {
    /// The compression of `bytes`, by how they begin.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 5] = [
            (&[0x1f, 0x8b], Self::Gzip),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0], Self::Xz),
            (&[0x28, 0xb5, 0x2f, 0xfd], Self::Zstd),
            (&[0x02, 0x21, 0x4c, 0x18], Self::Lz4),
            (&[0x7f, b'E', b'L', b'F'], Self::Elf),
        ];
        magics
            .into_iter()
            .find(|(magic, _)| bytes.starts_with(magic))
            .map(|(_, format)| format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Elf => "ELF",
        })
    }
}

/// Why bytes could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// A compression that we do not decode.
    #[error("its compression is not supported: it begins with {magic:02x?}")]
    Unsupported {
        /// The first bytes.
        magic: Vec<u8>,
    },
    /// The data is damaged or ends early.
    #[error("its {format} data is damaged")]
    Damaged {
        /// The compression.
        format: Format,
        /// What the decoder said.
        #[source]
        source: io::Error,
    },
    /// More than [`MAX_OUTPUT`].
    #[error("it decompresses to more than {} MiB", MAX_OUTPUT >> 20)]
    TooLarge,
}

/// Decompresses one stream; what follows it is ignored, as kernels append their size.
///
/// # Errors
///
/// When the compression is not supported, the data is damaged, or too much comes out.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>, DecompressError> {
    let unsupported = || DecompressError::Unsupported {
        magic: bytes.iter().take(6).copied().collect(),
    };
    let format = Format::of(bytes).ok_or_else(unsupported)?;
    let damaged = |source| DecompressError::Damaged { format, source };
    match format {
        Format::Gzip => read_bounded(GzDecoder::new(bytes), damaged),
        Format::Xz => read_bounded(XzReader::new(bytes, false), damaged),
        Format::Zstd => {
            let decoder = StreamingDecoder::new(bytes).map_err(|e| damaged(io::Error::other(e)))?;
            read_bounded(decoder, damaged)
        }
        Format::Elf => Ok(bytes.to_vec()),
        Format::Lz4 => Err(unsupported()),
    }
}

fn read_bounded(
    reader: impl Read,
    damaged: impl FnOnce(io::Error) -> DecompressError,
) -> Result<Vec<u8>, DecompressError> {
    let mut out = Vec::new();
    let read = reader
        .take(MAX_OUTPUT + 1)
        .read_to_end(&mut out)
        .map_err(damaged)?;
    if read as u64 > MAX_OUTPUT {
        return Err(DecompressError::TooLarge);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_and_zstd_come_back_with_trailing_bytes_ignored() {
        let mut packed = gzip(b"kernel");
        packed.extend([1, 2, 3, 4]);
        assert_eq!(decompress(&packed).unwrap(), b"kernel");
        let mut packed = ruzstd::encoding::compress_to_vec(
            b"kernel".as_slice(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        packed.extend([1, 2, 3, 4]);
        assert_eq!(decompress(&packed).unwrap(), b"kernel");
    }

    #[test]
    fn truncated_data_is_damaged_and_names_the_compression() {
        let packed = gzip(&[7; 1000]);
        let error = decompress(&packed[..packed.len() - 9]).unwrap_err();
        assert_eq!(error.to_string(), "its gzip data is damaged");
    }

    #[test]
    fn other_data_is_unsupported_and_shows_how_it_begins() {
        let error = decompress(b"#!/bin/sh").unwrap_err();
        assert!(matches!(error, DecompressError::Unsupported { magic } if magic == b"#!/bin"));
        assert!(matches!(
            decompress(&[2, 0x21, 0x4c, 0x18]),
            Err(DecompressError::Unsupported { .. })
        ));
    }
}
