//! Kinds and payloads from guest to host: 0x01 to 0x7f.

use zerocopy::{IntoBytes, TryFromBytes};

use super::layout::{AuditCallLayout, MediationLayout, ScenarioEndLayout, StepMarkLayout};
use super::{Codec, Corruption, PayloadWriter, compact, empty, fixed, hello, rows};
use crate::frame::EncodeError;
use crate::{AuditCall, Event, Mediation, StepMark};

/// Kind numbers. One that was ever released is never given to another message.
#[derive(Clone, Copy, TryFromBytes)]
#[repr(u16)]
enum Tag {
    Hello = 0x01,
    Log = 0x02,
    ScenarioStart = 0x03,
    Pause = 0x04,
    Resume = 0x05,
    StepInfo = 0x06,
    StepStart = 0x07,
    StepEnd = 0x08,
    Progress = 0x09,
    ScenarioEnd = 0x0a,
    Mark = 0x0b,
    Collected = 0x0c,
    Detail = 0x0d,
    Verdict = 0x0e,
    Mediation = 0x0f,
    Fault = 0x10,
    End = 0x11,
    Payload = 0x12,
    Scheduler = 0x13,
    SchedulerLog = 0x14,
    Tasks = 0x18,
    Finding = 0x1c,
    AuditCalls = 0x20,
    AuditTotals = 0x21,
}

impl From<&Event> for Tag {
    fn from(event: &Event) -> Self {
        match event {
            Event::Hello(_) => Self::Hello,
            Event::Log { .. } => Self::Log,
            Event::ScenarioStart => Self::ScenarioStart,
            Event::Pause => Self::Pause,
            Event::Resume => Self::Resume,
            Event::StepInfo(_) => Self::StepInfo,
            Event::StepStart(_) => Self::StepStart,
            Event::StepEnd(_) => Self::StepEnd,
            Event::Progress(_) => Self::Progress,
            Event::ScenarioEnd { .. } => Self::ScenarioEnd,
            Event::Mark(_) => Self::Mark,
            Event::Collected(_) => Self::Collected,
            Event::Tasks(_) => Self::Tasks,
            Event::Detail(_) => Self::Detail,
            Event::Finding(_) => Self::Finding,
            Event::Verdict(_) => Self::Verdict,
            Event::Mediation(_) => Self::Mediation,
            Event::Fault { .. } => Self::Fault,
            Event::End => Self::End,
            Event::Payload(_) => Self::Payload,
            Event::Scheduler(_) => Self::Scheduler,
            Event::SchedulerLog { .. } => Self::SchedulerLog,
            Event::AuditCalls(_) => Self::AuditCalls,
            Event::AuditTotals(_) => Self::AuditTotals,
        }
    }
}

impl Codec for Event {
    fn kind(&self) -> u16 {
        Tag::from(self) as u16
    }

    fn write(&self, payload: &mut PayloadWriter<'_>) -> Result<(), EncodeError> {
        match self {
            Self::ScenarioStart | Self::Pause | Self::Resume | Self::End => Ok(()),
            Self::StepStart(mark) | Self::StepEnd(mark) | Self::Progress(mark) => {
                payload.fixed(&StepMarkLayout::from(mark))
            }
            Self::ScenarioEnd {
                elapsed_ms,
                total_iterations,
            } => payload.fixed(&ScenarioEndLayout {
                elapsed_ms: (*elapsed_ms).into(),
                total_iterations: (*total_iterations).into(),
            }),
            Self::Mediation(counts) => payload.fixed(&MediationLayout::from(counts)),
            Self::Hello(hello) => payload.compact(hello),
            Self::Log {
                source,
                level,
                message,
            } => payload.compact(&(source, level, message)),
            Self::StepInfo(info) => payload.compact(info),
            Self::Mark(mark) => payload.compact(mark),
            Self::Collected(stats) => payload.compact(stats),
            Self::Tasks(tasks) => payload.compact(tasks),
            Self::Detail(detail) => payload.compact(detail),
            Self::Finding(finding) => payload.compact(finding),
            Self::Verdict(verdict) => payload.compact(verdict),
            Self::Fault { message } => payload.compact(message),
            Self::Payload(record) => payload.compact(record),
            Self::Scheduler(news) => payload.compact(news),
            Self::SchedulerLog {
                start,
                bytes,
                dropped,
            } => payload.compact(&(start, bytes, dropped)),
            Self::AuditCalls(calls) => calls
                .iter()
                .try_for_each(|call| payload.fixed(&AuditCallLayout::from(call))),
            Self::AuditTotals(totals) => payload.compact(totals),
        }
    }

    fn read(kind: u16, payload: &[u8]) -> Option<Result<Self, Corruption>> {
        let tag = Tag::try_read_from_bytes(kind.as_bytes()).ok()?;
        Some(match tag {
            Tag::Hello => hello(payload).map(Self::Hello),
            Tag::Log => compact(payload).map(|(source, level, message)| Self::Log {
                source,
                level,
                message,
            }),
            Tag::ScenarioStart => empty(payload, Self::ScenarioStart),
            Tag::Pause => empty(payload, Self::Pause),
            Tag::Resume => empty(payload, Self::Resume),
            Tag::StepInfo => compact(payload).map(Self::StepInfo),
            Tag::StepStart => step_mark(payload).map(Self::StepStart),
            Tag::StepEnd => step_mark(payload).map(Self::StepEnd),
            Tag::Progress => step_mark(payload).map(Self::Progress),
            Tag::ScenarioEnd => fixed::<ScenarioEndLayout>(payload).map(Self::from),
            Tag::Mark => compact(payload).map(Self::Mark),
            Tag::Collected => compact(payload).map(Self::Collected),
            Tag::Tasks => compact(payload).map(Self::Tasks),
            Tag::Detail => compact(payload).map(Self::Detail),
            Tag::Finding => compact(payload).map(Self::Finding),
            Tag::Verdict => compact(payload).map(Self::Verdict),
            Tag::Mediation => fixed::<MediationLayout>(payload)
                .map(|layout| Self::Mediation(Mediation::from(layout))),
            Tag::Fault => compact(payload).map(|message| Self::Fault { message }),
            Tag::End => empty(payload, Self::End),
            Tag::Payload => compact(payload).map(Self::Payload),
            Tag::Scheduler => compact(payload).map(Self::Scheduler),
            Tag::SchedulerLog => {
                compact(payload).map(|(start, bytes, dropped)| Self::SchedulerLog {
                    start,
                    bytes,
                    dropped,
                })
            }
            Tag::AuditCalls => audit_calls(payload).map(Self::AuditCalls),
            Tag::AuditTotals => compact(payload).map(Self::AuditTotals),
        })
    }
}

fn step_mark(payload: &[u8]) -> Result<StepMark, Corruption> {
    fixed::<StepMarkLayout>(payload).map(StepMark::from)
}

fn audit_calls(payload: &[u8]) -> Result<Vec<AuditCall>, Corruption> {
    rows::<AuditCallLayout>(payload)?
        .iter()
        .map(|row| AuditCall::try_from(row).map_err(|_| Corruption::Undecodable))
        .collect()
}
