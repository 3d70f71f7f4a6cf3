//! The port and the conversation on it, with a socket pair for a port.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;

use proscenium_wire::{Decoder, LogLevel, LogSource, WIRE_VERSION, encode};

use super::*;

fn hello() -> Hello {
    Hello {
        wire_version: WIRE_VERSION,
        runtime_version: "0".into(),
        kernel_release: "6".into(),
        cpus: 1,
        memory_bytes: 1,
        booted_ns: 1,
    }
}

/// Sink, control, and the host's ends of both.
fn link() -> (PortSink, Control, UnixStream, UnixStream) {
    let (events, host_events) = UnixStream::pair().unwrap();
    let (control, host_control) = UnixStream::pair().unwrap();
    let sink = PortSink::new(File::from(OwnedFd::from(events)));
    (
        sink,
        Control::new(control.into()).unwrap(),
        host_events,
        host_control,
    )
}

fn say(host: &mut UnixStream, command: &Command) {
    let mut bytes = Vec::new();
    encode(command, &mut bytes).unwrap();
    host.write_all(&bytes).unwrap();
}

fn line(message: String) -> Event {
    Event::Log {
        source: LogSource::Plugin,
        level: LogLevel::Info,
        message,
    }
}

#[test]
fn the_guest_speaks_first_and_goes_on_when_the_host_answers() {
    let (mut sink, mut control, mut events, mut commands) = link();
    say(
        &mut commands,
        &Command::Hello {
            wire_version: WIRE_VERSION,
        },
    );
    greet(&mut sink, &mut control, hello(), HELLO_PATIENCE).unwrap();
    let mut bytes = [0; 4096];
    let length = events.read(&mut bytes).unwrap();
    let mut decoder = Decoder::<Event>::new();
    decoder.push(&bytes[..length]);
    assert_eq!(
        decoder.next(),
        Some(Received::Message(Event::Hello(hello())))
    );
}

#[test]
fn another_version_is_refused_by_name_of_both() {
    let (mut sink, mut control, _events, mut commands) = link();
    say(&mut commands, &Command::Hello { wire_version: 999 });
    let error = greet(&mut sink, &mut control, hello(), HELLO_PATIENCE).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("999") && text.contains(&WIRE_VERSION.to_string()),
        "{text}"
    );
}

#[test]
fn a_host_that_says_nothing_is_waited_for_no_longer_than_asked() {
    let (mut sink, mut control, _events, _commands) = link();
    let begun = Instant::now();
    let error = greet(&mut sink, &mut control, hello(), Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, LinkError::Silent(_)), "{error}");
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[test]
fn what_follows_the_hello_in_the_same_read_is_not_lost() {
    let (mut sink, mut control, _events, mut commands) = link();
    say(
        &mut commands,
        &Command::Hello {
            wire_version: WIRE_VERSION,
        },
    );
    say(
        &mut commands,
        &Command::Cancel {
            reason: "enough".into(),
        },
    );
    greet(&mut sink, &mut control, hello(), HELLO_PATIENCE).unwrap();
    assert_eq!(
        control.next_command(),
        Some(Command::Cancel {
            reason: "enough".into()
        })
    );
    assert_eq!(control.next_command(), None);
}

#[test]
fn a_slow_host_gets_every_frame_in_order() {
    let (mut sink, _control, mut events, _commands) = link();
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        events.read_to_end(&mut bytes).unwrap();
        let mut decoder = Decoder::<Event>::new();
        decoder.push(&bytes);
        decoder.by_ref().collect::<Vec<_>>()
    });
    let sent: Vec<_> = (0..20_000)
        .map(|n| line(format!("{n} {}", "x".repeat(50))))
        .collect();
    for event in sent.clone() {
        sink.emit(event);
    }
    assert_eq!(sink.frames(), 20_000);
    drop(sink);
    let received = reader.join().unwrap();
    assert!(
        received
            .into_iter()
            .eq(sent.into_iter().map(Received::Message))
    );
}

#[test]
fn a_broken_port_is_remembered_and_does_not_stop_the_guest() {
    let (mut sink, _control, events, _commands) = link();
    drop(events);
    sink.emit(Event::ScenarioStart);
    sink.flush();
    sink.emit(Event::End);
    sink.flush();
    assert_eq!(sink.broken().unwrap().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn an_event_that_is_too_long_leaves_a_line_in_its_place() {
    let (mut sink, _control, mut events, _commands) = link();
    sink.emit(line("x".repeat(5 << 20)));
    sink.flush();
    let mut bytes = [0; 4096];
    let length = events.read(&mut bytes).unwrap();
    let mut decoder = Decoder::<Event>::new();
    decoder.push(&bytes[..length]);
    let Some(Received::Message(Event::Log { message, .. })) = decoder.next() else {
        panic!("no line");
    };
    assert!(message.starts_with("an event is missing here"), "{message}");
}

#[test]
fn the_farewell_ends_when_the_host_hangs_up() {
    let (mut sink, mut control, _events, commands) = link();
    drop(commands);
    let begun = Instant::now();
    farewell(&mut sink, &mut control, Duration::from_secs(5)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
}
