//! The loop that runs phases one after the other.

use std::hint::black_box;
use std::io;
use std::thread;
use std::time::Instant;

use proscenium_worker::burst::alu;
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::{Phase, PhaseKind, Sequence};

use super::io_work::Writer;
use super::{Loop, burn, busy, ready, sleep};

pub(super) fn prepare(work: &Sequence, directory: &str) -> io::Result<Loop> {
    let phases = work.phases.clone();
    let writer = phases
        .iter()
        .any(|phase| phase.kind == PhaseKind::Io)
        .then(|| Writer::new(directory, 4))
        .transpose()?;
    ready(move |_, recorder| {
        loop {
            for each in &phases {
                phase(*each, writer.as_ref(), recorder)?;
                recorder.checkpoint();
                if recorder.stopped() {
                    return Ok(());
                }
            }
            if !recorder.iteration(0) {
                return Ok(());
            }
        }
    })
}

fn phase(phase: Phase, writer: Option<&Writer>, recorder: &mut Recorder<'_>) -> io::Result<()> {
    match phase.kind {
        PhaseKind::Spin => {
            busy(phase.lasts, recorder, || burn(UNIT));
        }
        PhaseKind::Alu => {
            busy(phase.lasts, recorder, || _ = black_box(alu(1, UNIT)));
        }
        PhaseKind::Yield => {
            busy(phase.lasts, recorder, thread::yield_now);
        }
        PhaseKind::Sleep => {
            if let Some(slept) = sleep(phase.lasts, recorder)? {
                recorder.sample(slept);
            }
            recorder.advance(UNIT);
        }
        PhaseKind::Io => {
            let writer = writer.ok_or(io::ErrorKind::NotFound)?;
            let start = Instant::now();
            loop {
                recorder.sample(writer.write_and_flush(1)?);
                if !recorder.advance(UNIT) || start.elapsed() >= phase.lasts {
                    break;
                }
            }
        }
    }
    Ok(())
}
