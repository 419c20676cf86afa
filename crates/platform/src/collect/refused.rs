//! A refusal: one problem with a name, the member at fault and what was expected.

use metric::consistency::Invalid;

/// Why a submission was not stored, for its sender and for the counters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The problem.
    pub problem: Problem,
    /// Which check failed, where the problem has several.
    pub why: Option<&'static str>,
    /// Path of the member at fault.
    pub field: Option<String>,
    /// The same path with only the names that our formats define and without
    /// positions in lists, so that nobody can fill the counters with inventions.
    pub counted_field: Option<String>,
    /// What is wrong, in one English sentence.
    pub detail: String,
}

/// The problems of a submission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// More than the limit.
    BodyTooLarge,
    /// Not announced as JSON.
    UnsupportedMediaType,
    /// Not the JSON of the contract.
    MalformedBody,
    /// Of a version not known here.
    VersionUnsupported,
    /// The receipt, or what is claimed beside it, does not hold.
    ReceiptInvalid,
    /// Nobody in Vietnam is there.
    PositionImpossible,
    /// The clocks disagree.
    ClockSkewed,
    /// Another circumstance is out of its range.
    ContextInvalid,
    /// Not a problem: the test is stored, and was sent again.
    Duplicate,
}

impl Problem {
    /// The name in problems and counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::MalformedBody => "malformed_body",
            Self::VersionUnsupported => "version_unsupported",
            Self::ReceiptInvalid => "receipt_invalid",
            Self::PositionImpossible => "position_impossible",
            Self::ClockSkewed => "clock_skewed",
            Self::ContextInvalid => "context_invalid",
            Self::Duplicate => "duplicate",
        }
    }
}

impl Refused {
    /// A body of more than the limit.
    pub fn body_too_large() -> Self {
        let most = super::MAX_BODY_BYTES;
        let detail = format!("the body is larger than {most} bytes");
        Self::new(Problem::BodyTooLarge, None, detail)
    }

    /// A body of another type.
    pub fn unsupported_media_type() -> Self {
        let detail = "expected `Content-Type: application/json`".into();
        Self::new(Problem::UnsupportedMediaType, None, detail)
    }

    /// A body that did not arrive whole.
    pub fn cut_short() -> Self {
        let detail = "the body ended before its end".into();
        Self::new(Problem::MalformedBody, None, detail)
    }

    pub(super) fn duplicate() -> Self {
        Self::new(Problem::Duplicate, None, String::new())
    }

    /// A receipt that does not hold.
    pub(super) fn receipt(why: Invalid) -> Self {
        let field = match why {
            Invalid::UnknownKey | Invalid::KeyNotValid => "receipt.key_id".into(),
            Invalid::Signature => "receipt.signature".into(),
            Invalid::Expired => "receipt.expires_at".into(),
            Invalid::Nonce => "nonce".into(),
            Invalid::Method => "receipt.method".into(),
            Invalid::Contradiction(it) => format!("observed.{}", it.field),
            _ => "receipt".into(),
        };
        Self {
            why: Some(why.name()),
            ..Self::new(Problem::ReceiptInvalid, Some(field), why.to_string())
        }
    }

    pub(super) fn new(problem: Problem, field: Option<String>, detail: String) -> Self {
        Self {
            problem,
            why: None,
            counted_field: field.clone(),
            field,
            detail: detail.chars().take(MAX_DETAIL_CHARS).collect(),
        }
    }
}

/// Longest detail: enough for a sentence, too short to echo a body.
const MAX_DETAIL_CHARS: usize = 300;
