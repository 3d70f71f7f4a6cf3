//! Parameters as a scenario reads them.

use proscenium_sdk::prelude::*;

fn context(parameters: &[(&str, &str)]) -> Context {
    Context {
        duration: Duration::from_secs(1),
        seed: 7,
        scheduler: None,
        kernel: "simulated".to_owned(),
        parameters: parameters
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
    }
}

#[test]
fn a_parameter_is_parsed_into_what_is_asked_for() {
    let context = context(&[("count", " 12 "), ("share", "0.5"), ("name", "x y")]);
    assert_eq!(context.param::<u32>("count"), Ok(12));
    assert_eq!(context.param::<f64>("share"), Ok(0.5));
    assert_eq!(context.param::<String>("name").as_deref(), Ok("x y"));
}

#[test]
fn a_parameter_that_does_not_parse_names_itself_its_text_and_the_remedy() {
    let error = context(&[("count", "many")])
        .param::<u32>("count")
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Invalid);
    for part in ["count", "\"many\"", "u32", "--param count="] {
        assert!(error.message.contains(part), "{part} in {}", error.message);
    }
}

#[test]
fn a_parameter_without_a_value_is_an_error_unless_it_is_optional() {
    let context = context(&[]);
    let error = context.param::<u32>("count").unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert!(error.message.contains("count"), "{}", error.message);
    assert_eq!(context.optional_param::<u32>("count"), Ok(None));
}

#[test]
fn an_optional_parameter_that_is_given_must_parse() {
    assert!(
        context(&[("count", "-1")])
            .optional_param::<u32>("count")
            .is_err()
    );
}
