//! Runs a program and reads what it says, line by line, as it says it.
//!
//! Owns the pipe between the program and us. Never interprets a line.

use std::io::{BufRead, BufReader, pipe};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context;

/// How long the pipe may stay open after the program has ended. What is still
/// in it is read at once; after this time somebody else must hold it.
const DRAIN: Duration = Duration::from_secs(2);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit status.
    pub(crate) status: ExitStatus,
    /// A process that it started still held its output afterwards.
    pub(crate) left_processes: bool,
}

enum Event {
    Line(String),
    Closed,
    Ended(std::io::Result<ExitStatus>),
}

/// Runs `command` without standard input and hands both its outputs to
/// `on_line`, in the order in which they were written.
pub(crate) fn run(command: Command, mut on_line: impl FnMut(&str)) -> anyhow::Result<Ended> {
    let receiver = start(command)?;
    let mut status = None;
    let mut closed = false;
    loop {
        // Waiting for both the end of the output and the end of the program
        // would hang as long as any grandchild lives.
        let event = match status {
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) if closed => break,
            Some(_) => receiver.recv_timeout(DRAIN),
        };
        match event {
            Ok(Event::Line(line)) => on_line(&line),
            Ok(Event::Closed) => closed = true,
            Ok(Event::Ended(ended)) => status = Some(ended.context("waiting failed")?),
            Err(_) => break,
        }
    }
    let status = status.context("the program's end was not seen")?;
    Ok(Ended {
        status,
        left_processes: !closed,
    })
}

fn start(mut command: Command) -> anyhow::Result<Receiver<Event>> {
    let (reader, writer) = pipe().context("failed to make a pipe")?;
    let other = writer.try_clone().context("failed to duplicate a pipe")?;
    command.stdin(Stdio::null()).stdout(writer).stderr(other);
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command
        .spawn()
        .with_context(|| format!("failed to start {program}"))?;
    let (sender, receiver) = channel();
    let ends = sender.clone();
    thread::spawn(move || read(reader, &sender));
    thread::spawn(move || wait(child, &ends));
    // `command` holds our copies of the writing end; they are closed here.
    drop(command);
    Ok(receiver)
}

fn read(reader: std::io::PipeReader, sender: &Sender<Event>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        if sender
            .send(Event::Line(text.trim_end_matches(['\n', '\r']).to_owned()))
            .is_err()
        {
            return;
        }
        line.clear();
    }
    let _ = sender.send(Event::Closed);
}

fn wait(mut child: Child, sender: &Sender<Event>) {
    let _ = sender.send(Event::Ended(child.wait()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_arrive_in_the_order_in_which_they_were_written() {
        let mut lines = Vec::new();
        let ended = run(sh("echo a; echo b >&2; printf c"), |line| {
            lines.push(line.to_owned());
        });
        assert!(ended.unwrap().status.success());
        assert_eq!(lines, ["a", "b", "c"]);
    }

    #[test]
    fn a_process_that_outlives_the_program_is_noticed_and_not_waited_for() {
        let mut pid = String::new();
        let ended = run(sh("sleep 60 & echo $!; exit 3"), |line| {
            line.clone_into(&mut pid);
        });
        let ended = ended.unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.left_processes);
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = run(Command::new("no-such-program"), |_| ()).unwrap_err();
        assert!(error.to_string().contains("no-such-program"));
    }
}
