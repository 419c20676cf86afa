//! Bytes to a [`Submission`], or the member at fault by its path.

use metric::submission::Submission;
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use super::MAX_BODY_BYTES;
use super::refused::{Problem, Refused};

/// Reads a submission.
pub(super) fn submission(body: &[u8]) -> Result<Submission, Refused> {
    if body.len() > MAX_BODY_BYTES {
        return Err(Refused::body_too_large());
    }
    let text = std::str::from_utf8(body).map_err(|e| {
        let detail = format!("the body is not UTF-8 from byte {} on", e.valid_up_to());
        Refused::new(Problem::MalformedBody, None, detail)
    })?;
    version(text)?;
    let mut json = serde_json::Deserializer::from_str(text);
    let submission = serde_path_to_error::deserialize(&mut json).map_err(|e| malformed(&e))?;
    json.end()
        .map_err(|e| Refused::new(Problem::MalformedBody, None, e.to_string()))?;
    Ok(submission)
}

/// Looks at the versions alone, because a later version has other members.
fn version(text: &str) -> Result<(), Refused> {
    let Ok(peek) = serde_json::from_str::<Peek>(text) else {
        return Ok(()); // the full reading says what is wrong
    };
    let receipt = peek.receipt.unwrap_or(Value::Null);
    for (field, value) in [
        ("submission", peek.submission.as_ref()),
        ("receipt.receipt", receipt.get("receipt")),
    ] {
        if value.is_some_and(|value| (value.is_string() || value.is_number()) && value != "1") {
            let detail = format!("{field}: only version \"1\" is known here");
            let field = Some(field.into());
            return Err(Refused::new(Problem::VersionUnsupported, field, detail));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Peek {
    submission: Option<Value>,
    receipt: Option<Value>,
}

fn malformed(error: &serde_path_to_error::Error<serde_json::Error>) -> Refused {
    let message = error.inner().to_string();
    // `.` is the document, `?` a member whose name could not be read.
    let path = error.path().to_string();
    let path = path.trim_end_matches('?').trim_end_matches('.').to_owned();
    let missing = quoted(&message, "missing field `");
    let unknown = quoted(&message, "unknown field `");
    let field = missing.or(unknown).map_or_else(
        || path.clone(),
        |name| join(path.strip_suffix(name).unwrap_or(&path), name),
    );
    let counted = if unknown.is_some() {
        field.rsplit_once('.').map_or("", |(parent, _)| parent)
    } else {
        &field
    };
    let plain = missing.is_none() && unknown.is_none();
    let problem = if plain && is_no_number(&field, error.inner()) {
        Problem::PositionImpossible
    } else {
        Problem::MalformedBody
    };
    Refused {
        counted_field: some(&without_indices(counted)),
        ..Refused::new(problem, some(&field), message)
    }
}

/// Whether a member of the position holds something that is not a number, such
/// as the `null` that JavaScript makes of NaN.
fn is_no_number(field: &str, error: &serde_json::Error) -> bool {
    let number = error.to_string().starts_with("number out of range");
    field.starts_with("context.position.") && (number || error.classify() == Category::Data)
}

fn quoted<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    let (name, _) = message.strip_prefix(before)?.split_once('`')?;
    Some(name)
}

fn join(parent: &str, name: &str) -> String {
    let parent = parent.trim_end_matches('.');
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

fn without_indices(path: &str) -> String {
    let kept = path
        .split('[')
        .map(|part| part.rsplit(']').next().unwrap_or(part));
    kept.collect()
}

fn some(path: &str) -> Option<String> {
    (!path.is_empty()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, problem: Problem, field: Option<&str>, counted: Option<&str>) {
        let refused = submission(body.as_bytes()).unwrap_err();
        assert_eq!(refused.problem, problem, "{refused:?}");
        assert_eq!(refused.field.as_deref(), field, "{refused:?}");
        assert_eq!(refused.counted_field.as_deref(), counted, "{refused:?}");
    }

    #[test]
    fn the_member_at_fault_is_named() {
        let malformed = Problem::MalformedBody;
        check("", malformed, None, None);
        check("{", malformed, None, None);
        check("{}", malformed, Some("submission"), Some("submission"));
        check(r#"{"evil": 1}"#, malformed, Some("evil"), None);
        check(r#"{"nonce": 7}"#, malformed, Some("nonce"), Some("nonce"));
        check(
            r#"{"observed": {"x.y": 1}}"#,
            malformed,
            Some("observed.x.y"),
            Some("observed.x"),
        );
        check(
            r#"{"observed": {"idle": {"sent": 1, "received": 1, "rtt_us": [5, -1]}}}"#,
            malformed,
            Some("observed.idle.rtt_us[1]"),
            Some("observed.idle.rtt_us"),
        );
    }

    #[test]
    fn a_later_version_is_not_a_malformed_one() {
        let version = Problem::VersionUnsupported;
        let field = Some("submission");
        check(r#"{"new": 1, "submission": "2"}"#, version, field, field);
        let field = Some("receipt.receipt");
        check(
            r#"{"receipt": {"receipt": "2", "x": 1}}"#,
            version,
            field,
            field,
        );
    }

    #[test]
    fn what_is_no_number_is_no_position() {
        let field = Some("context.position.latitude_degrees");
        for value in ["null", "\"NaN\"", "1e999", "[1]"] {
            let body = format!(r#"{{"context": {{"position": {{"latitude_degrees": {value}}}}}}}"#);
            check(&body, Problem::PositionImpossible, field, field);
        }
    }
}
