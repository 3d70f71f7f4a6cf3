//! Any bytes, cut anywhere, as a stream of each direction and as a job.
//!
//! Besides not crashing: the cut makes no difference, and what was decoded
//! encodes to something that decodes to the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proscenium_wire::{
    Command, Decoder, Event, Message, Received, Truncated, decode_job, encode, encode_job,
};

/// What a stream in reads of `size` bytes comes to.
fn read<M: Message>(bytes: &[u8], size: usize) -> (Vec<Received<M>>, Option<Truncated>) {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    for read in bytes.chunks(size) {
        decoder.push(read);
        all.extend(decoder.by_ref());
    }
    (all, decoder.finish())
}

/// The bytes of all messages, batched.
fn write<M: Message>(received: &[Received<M>]) -> Vec<u8> {
    let mut batch = Vec::new();
    for one in received {
        if let Received::Message(message) = one {
            // Postcard accepts encodings longer than its own, never shorter.
            encode(message, &mut batch).expect("what was received can be sent");
        }
    }
    batch
}

// Messages are compared by their bytes: floats may be NaN.
fn check<M: Message>(bytes: &[u8], size: usize) {
    let (whole, end) = read::<M>(bytes, bytes.len().max(1));
    let (pieces, end_of_pieces) = read::<M>(bytes, size);
    assert_eq!(end, end_of_pieces);
    let batch = write(&whole);
    assert!(batch == write(&pieces));
    assert!(batch == write(&read::<M>(&batch, size).0));
}

fuzz_target!(|bytes: &[u8]| {
    let size = usize::from(bytes.first().copied().unwrap_or(0)) + 1;
    check::<Event>(bytes, size);
    check::<Command>(bytes, size);
    if let Ok(job) = decode_job(bytes) {
        let file = encode_job(&job).expect("what was read can be written");
        let again = decode_job(&file).expect("what was written can be read");
        assert!(file == encode_job(&again).expect("and written again"));
    }
});
