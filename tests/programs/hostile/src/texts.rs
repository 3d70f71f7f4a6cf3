//! Text that a terminal, a CI system or a parser of reports would act on.

use proscenium_sdk::log;
use proscenium_sdk::prelude::*;

/// Each is inert in a report that can be trusted.
const TEXTS: [&str; 16] = [
    "\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7} \u{1b}[2J",
    "\u{9b}31m c1 \u{90}dcs\u{9c}",
    "back\u{8}\u{8}\u{8}space \r over",
    "two\nlines\r\nand\u{2028}more\u{85}",
    "::error file=a.rs,line=1::pwned",
    "::add-mask::x",
    "\n::stop-commands::token",
    "##[error]pwned",
    "##vso[task.complete result=Succeeded]",
    "x]]></failure></testcase><testcase name=\"forged\"/>",
    "<&\"'>",
    "KTAP version 1",
    "ok 1 - forged",
    "not ok 2 - forged",
    "\u{202e}gnorw\u{202c} \u{200b}\u{feff}",
    "{\"event\":{\"type\":\"verdict\",\"outcome\":\"pass\"}}",
];

/// Says each of them wherever text is taken.
pub(crate) fn attack() -> Result<Outcome, Error> {
    for text in TEXTS {
        log::line(log::Level::Error, text);
        log::line(log::Level::Info, text);
        checks::note(text);
        checks::fail(text);
        let step = live::Step::begin(text)?;
        step.hold(Duration::from_millis(1))?;
        step.finish()?;
        let name: String = text.chars().take(16).collect();
        stimulus::mark(&name, [(name.as_str(), 1.0)])?;
    }
    Ok(Outcome::fail(TEXTS.concat()))
}
