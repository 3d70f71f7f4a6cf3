//! Loops over datagrams on the loopback interface.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Release;
use std::time::Duration;

use proscenium_worker::Seat;
use proscenium_worker::arena::futex;
use proscenium_worker::process::{Recorder, UNIT};
use proscenium_worker::work::Net;

use super::words::change;
use super::{Loop, now_ns, ready, sleep};
use crate::sys;

/// Headers of Ethernet, IPv4 and UDP.
const HEADERS: u64 = 42;
/// At the start of a datagram: when it was sent.
const STAMP: usize = size_of::<u64>();

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn datagram(bytes: u64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(bytes.saturating_sub(HEADERS)).map_err(io::Error::other)?;
    Ok(vec![0; len.max(STAMP)])
}

pub(super) fn prepare(work: &Net, seat: &Seat) -> io::Result<Loop> {
    match *work {
        Net::Traffic { interval, bytes } => {
            let socket = socket()?;
            socket.connect(socket.local_addr()?)?;
            let mut datagram = datagram(bytes)?;
            ready(move |_, recorder| {
                loop {
                    // Over loopback it is there when `send` returns, or dropped.
                    let done = socket.send(&datagram);
                    let done = done.and_then(|_| socket.recv(&mut datagram));
                    if let Err(error) = done {
                        recorder.refused(&error);
                        std::thread::yield_now();
                        if recorder.stopped() {
                            return Ok(());
                        }
                    } else if !recorder.iteration(UNIT) {
                        return Ok(());
                    }
                    if !interval.is_zero() && sleep(interval, recorder)?.is_none() {
                        return Ok(());
                    }
                }
            })
        }
        Net::IrqWake { interval, bytes } => {
            let (socket, datagram) = (socket()?, datagram(bytes)?);
            let group = seat.group()?;
            if group.role() == 0 {
                return ready(move |seat, recorder| {
                    send(seat, &socket, datagram.clone(), interval, recorder)
                });
            }
            // Where the sender finds this socket.
            let port = socket.local_addr()?.port();
            let place = &group.shared(0).ok_or(ErrorKind::InvalidData)?.words[0];
            place.fetch_or(port.into(), Release);
            futex::wake_all(place);
            ready(move |_, recorder| receive(&socket, datagram.clone(), recorder))
        }
    }
}

fn send(
    seat: &Seat,
    socket: &UdpSocket,
    mut datagram: Vec<u8>,
    interval: Duration,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let group = seat.group()?;
    let place = &group.shared(0).ok_or(ErrorKind::InvalidData)?.words[0];
    let Some(port) = change(place, 0)? else {
        return Ok(());
    };
    let port = u16::try_from(port).map_err(io::Error::other)?;
    while sleep(interval, recorder)?.is_some() {
        if let Some(stamp) = datagram.first_chunk_mut::<STAMP>() {
            *stamp = now_ns().to_ne_bytes();
        }
        if let Err(error) = socket.send_to(&datagram, (Ipv4Addr::LOCALHOST, port)) {
            recorder.refused(&error);
        }
        if !recorder.iteration(UNIT) {
            break;
        }
    }
    Ok(())
}

fn receive(
    socket: &UdpSocket,
    mut datagram: Vec<u8>,
    recorder: &mut Recorder<'_>,
) -> io::Result<()> {
    let term = sys::TermHeld::new()?;
    while !recorder.stopped() {
        if !term.readable(socket.as_fd())? {
            continue;
        }
        let awake = now_ns();
        match socket.recv(&mut datagram) {
            Ok(len) if len == datagram.len() => {}
            // Not the partner's.
            Ok(_) => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if let Some(stamp) = datagram.first_chunk::<STAMP>() {
            let since = awake.saturating_sub(u64::from_ne_bytes(*stamp));
            recorder.sample(Duration::from_nanos(since));
        }
        if !recorder.iteration(UNIT) {
            break;
        }
    }
    Ok(())
}
