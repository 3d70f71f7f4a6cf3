//! The loops of groups. Each worker finds its role by its place in the group.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering::Acquire;
use std::time::{Duration, Instant};

use proscenium_worker::arena::{Group, futex};
use proscenium_worker::burst::touch;
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::{Groups, Lock, Through};
use proscenium_worker::{Policy, Seat};

use super::locks::{Held, inversion};
use super::pairs::{Pipes, partner_gone};
use super::queue::Queue;
use super::rounds::Rounds;
use super::words::{change, next, update};
use super::{Loop, burn, busy, enter_class, memory, now_ns, ready, share, sleep};
use crate::sys::{self, Reader};

#[expect(clippy::too_many_lines, reason = "one type after the other")]
pub(super) fn prepare(work: &Groups, seat: &Seat) -> io::Result<Loop> {
    let role = seat.group()?.role() as u64;
    match *work {
        Groups::FutexFanOut { spins, .. } => {
            ready(move |seat, recorder| fan_out(&seat.group()?, spins, recorder))
        }
        Groups::FanOutCompute {
            size_kib,
            operations,
            sleep,
            ..
        } => {
            let mut buffer = memory(size_kib)?;
            ready(move |seat, recorder| {
                let compute = || touch(&mut buffer, 64);
                fan_out_compute(&seat.group()?, sleep, operations, compute, recorder)
            })
        }
        Groups::MutexContention {
            hold_spins,
            work_spins,
            ..
        } => ready(move |seat, recorder| {
            let group = seat.group()?;
            let held = Held::of(&group, Lock::Plain)?;
            while held.section(hold_spins, recorder)? {
                burn(work_spins);
                if !recorder.iteration(hold_spins + work_spins + UNIT) {
                    break;
                }
            }
            Ok(())
        }),
        Groups::ThunderingHerd { batch, pause, .. } => {
            ready(move |seat, recorder| herd(&seat.group()?, batch, pause, recorder))
        }
        Groups::PriorityInversion {
            high,
            medium,
            hold_spins,
            work_spins,
            lock,
            ..
        } => {
            if role < high + medium {
                let priority = if role < high { 50 } else { 40 };
                enter_class(seat, Policy::Fifo(priority))?;
            }
            let spins = (hold_spins, work_spins);
            ready(move |seat, recorder| {
                let held = Held::of(&seat.group()?, lock)?;
                inversion(role, (high, medium), spins, &held, recorder)
            })
        }
        Groups::ProducerConsumer {
            producers,
            rate_hz,
            consume_spins,
            capacity,
            ..
        } => {
            let rate = Duration::from_nanos(1_000_000_000 / rate_hz.max(1));
            let capacity = u32::try_from(capacity).map_err(io::Error::other)?;
            ready(move |seat, recorder| {
                let group = seat.group()?;
                let length = &group.shared(0).ok_or(ErrorKind::InvalidData)?.words[0];
                let queue = Queue { length, capacity };
                if role < producers {
                    produce(queue, rate, recorder)
                } else {
                    consume(queue, consume_spins, recorder)
                }
            })
        }
        Groups::RtStarvation {
            rt,
            priority,
            spins,
            ..
        } => {
            if role < rt {
                let priority = u8::try_from(priority).map_err(io::Error::other)?;
                enter_class(seat, Policy::Fifo(priority))?;
            }
            spinning(spins)
        }
        Groups::WakeChain { through, work, .. } => chain(seat, through, work),
        Groups::PreemptStorm {
            spins, interval, ..
        } => {
            if role > 0 {
                return spinning(spins);
            }
            enter_class(seat, Policy::Fifo(50))?;
            ready(move |_, recorder| {
                while sleep(interval, recorder)?.is_some() {
                    burn(spins);
                    if !recorder.iteration(spins) {
                        break;
                    }
                }
                Ok(())
            })
        }
        Groups::EpollStorm {
            producers, burst, ..
        } => {
            let event = share(seat.event().ok_or(ErrorKind::NotFound)?)?;
            if role < producers {
                return ready(move |_, recorder| {
                    loop {
                        for _ in 0..burst {
                            sys::post(&event)?;
                        }
                        if !recorder.iteration(UNIT) {
                            return Ok(());
                        }
                    }
                });
            }
            let reader = Reader::new(event)?;
            ready(move |_, recorder| {
                let reader = reader.enter()?;
                while !recorder.stopped() {
                    let start = Instant::now();
                    if !reader.wait()? {
                        continue;
                    }
                    recorder.sample(start.elapsed());
                    reader.drain()?;
                    if !recorder.iteration(UNIT) {
                        break;
                    }
                }
                Ok(())
            })
        }
    }
}

fn spinning(spins: u64) -> io::Result<Loop> {
    ready(move |_, recorder| {
        loop {
            burn(spins);
            if !recorder.iteration(spins) {
                return Ok(());
            }
        }
    })
}

fn fan_out(group: &Group<'_>, spins: u64, recorder: &mut Recorder<'_>) -> io::Result<()> {
    let mut rounds = Rounds::of(group)?;
    if group.role() == 0 {
        loop {
            burn(spins);
            if !rounds.start() || !rounds.finish()? || !recorder.iteration(spins + UNIT) {
                return Ok(());
            }
        }
    }
    loop {
        let start = Instant::now();
        if !rounds.join()? {
            return Ok(());
        }
        recorder.sample(start.elapsed());
        rounds.done();
        if !recorder.iteration(UNIT) {
            return Ok(());
        }
    }
}

fn fan_out_compute(
    group: &Group<'_>,
    pause: Duration,
    operations: u64,
    mut compute: impl FnMut(),
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let mut rounds = Rounds::of(group)?;
    if group.role() == 0 {
        while sleep(pause, recorder)?.is_some() {
            rounds.set_stamp(now_ns());
            if !rounds.start() || !rounds.finish()? || !recorder.iteration(UNIT) {
                break;
            }
        }
        return Ok(());
    }
    while rounds.join()? {
        let since = now_ns().saturating_sub(rounds.stamp());
        recorder.sample(Duration::from_nanos(since));
        for _ in 0..operations {
            compute();
        }
        rounds.done();
        if !recorder.iteration(operations * UNIT) {
            break;
        }
    }
    Ok(())
}

fn herd(
    group: &Group<'_>,
    batch: u64,
    pause: Duration,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let shared = group.shared(0).ok_or(ErrorKind::InvalidData)?;
    let call = &shared.words[0];
    if group.role() == 0 {
        let mut called = 0;
        while sleep(pause, recorder)?.is_some() {
            update(call, next);
            futex::wake_all(call);
            called += 1;
            let going_on = if called % batch == 0 {
                recorder.iteration(UNIT)
            } else {
                recorder.advance(UNIT)
            };
            if !going_on {
                break;
            }
        }
        return Ok(());
    }
    let mut seen = call.load(Acquire);
    loop {
        let start = Instant::now();
        let Some(now) = change(call, seen)? else {
            return Ok(());
        };
        seen = now;
        recorder.sample(start.elapsed());
        if !recorder.iteration(UNIT) {
            return Ok(());
        }
    }
}

fn produce(queue: Queue<'_>, every: Duration, recorder: &mut Recorder<'_>) -> io::Result<()> {
    while sleep(every, recorder)?.is_some() {
        let Some(blocked) = queue.put()? else {
            break;
        };
        if let Some(blocked) = blocked {
            recorder.sample(blocked);
        }
        if !recorder.iteration(UNIT) {
            break;
        }
    }
    Ok(())
}

fn consume(queue: Queue<'_>, spins: u64, recorder: &mut Recorder<'_>) -> io::Result<()> {
    while let Some(blocked) = queue.take()? {
        if let Some(blocked) = blocked {
            recorder.sample(blocked);
        }
        burn(spins);
        if !recorder.iteration(spins + UNIT) {
            break;
        }
    }
    Ok(())
}

fn chain(seat: &Seat, through: Through, work: Duration) -> io::Result<Loop> {
    let mut pipes = match through {
        Through::Pipe => Some(Pipes::inherit(seat)?),
        Through::Futex => None,
    };
    let mut first = seat.group()?.role() == 0;
    ready(move |seat, recorder| {
        let group = seat.group()?;
        let turn = &group.shared(0).ok_or(ErrorKind::InvalidData)?.words[0];
        let count = |role: usize| u32::try_from(role % group.size()).map_err(io::Error::other);
        let (mine, behind) = (count(group.role())?, count(group.role() + 1)?);
        loop {
            let start = Instant::now();
            match &mut pipes {
                // Nobody passes the token to the first one in the first turn.
                _ if first => {}
                Some(pipes) => match pipes.take(recorder)? {
                    Some(waited) => recorder.sample(waited),
                    None => return partner_gone(recorder),
                },
                None => {
                    let mut now = turn.load(Acquire);
                    while now != mine {
                        let Some(changed) = change(turn, now)? else {
                            return Ok(());
                        };
                        now = changed;
                    }
                    recorder.sample(start.elapsed());
                }
            }
            first = false;
            if !work.is_zero() && !busy(work, recorder, || burn(UNIT)) {
                return Ok(());
            }
            match &mut pipes {
                Some(pipes) => {
                    if !pipes.pass()? {
                        return partner_gone(recorder);
                    }
                }
                None => {
                    if update(turn, |_| behind).is_none() {
                        return Ok(());
                    }
                    futex::wake_all(turn);
                }
            }
            if !recorder.iteration(UNIT) {
                return Ok(());
            }
        }
    })
}
