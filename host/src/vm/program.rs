//! Whether an ELF file can run in the guest.
//!
//! Owns that one question. Never runs the file.

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

/// The guest has no dynamic linker, so a program that asks for one would make
/// the kernel panic with nothing but an error number.
///
/// # Errors
///
/// What is wrong with the file, as a clause.
pub(super) fn check_program(bytes: &[u8]) -> Result<(), &'static str> {
    let header =
        elf::FileHeader64::<Endianness>::parse(bytes).map_err(|_| "it is no 64-bit ELF file")?;
    let endian = header.endian().map_err(|_| "it is no 64-bit ELF file")?;
    if header.e_machine(endian) != elf::EM_X86_64 {
        return Err("it is for another processor");
    }
    let segments = header
        .program_headers(endian, bytes)
        .map_err(|_| "its program headers are damaged")?;
    if segments
        .iter()
        .any(|segment| segment.p_type(endian) == elf::PT_INTERP)
    {
        return Err("it is linked dynamically");
    }
    Ok(())
}
