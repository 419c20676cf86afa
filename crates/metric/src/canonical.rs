//! Canonical JSON (RFC 8785) for documents without floating-point numbers.

use serde::Serialize;
use serde_json::Value;

/// The canonical bytes of `document`: members sorted, no white space.
///
/// Keys are sorted by their UTF-8 bytes, which for the ASCII keys of our
/// documents is RFC 8785's order by UTF-16 code units.
///
/// # Errors
///
/// [`NotCanonical`] when the document cannot be written as JSON or holds a
/// floating-point number, which a receipt never does.
pub fn to_bytes(document: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    let value = serde_json::to_value(document).map_err(|_| NotCanonical)?;
    let mut out = Vec::new();
    write(&value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Number(n) if n.is_f64() => return Err(NotCanonical),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                separate(i, out);
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut keys: Vec<_> = members.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (i, key) in keys.into_iter().enumerate() {
                separate(i, out);
                serde_json::to_writer(&mut *out, key).map_err(|_| NotCanonical)?;
                out.push(b':');
                write(&members[key], out)?;
            }
            out.push(b'}');
        }
        plain => serde_json::to_writer(out, plain).map_err(|_| NotCanonical)?,
    }
    Ok(())
}

fn separate(i: usize, out: &mut Vec<u8>) {
    if i > 0 {
        out.push(b',');
    }
}

/// A document that has no canonical form here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the document holds a floating-point number or cannot be written as JSON")]
pub struct NotCanonical;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_sorted_and_tight() {
        let got = to_bytes(&json!({"b": [1, -2, true, null], "a": {"é": "\u{8}\n\"\\/\u{1f}"}}));
        let want = r#"{"a":{"é":"\b\n\"\\/\u001f"},"b":[1,-2,true,null]}"#;
        assert_eq!(String::from_utf8(got.unwrap()).unwrap(), want);
    }

    #[test]
    fn floats_have_no_place_in_a_receipt() {
        assert_eq!(to_bytes(&json!({"a": 1.5})), Err(NotCanonical));
    }
}
