//! The number line and the date line, as Decree 30/2020 writes them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// Number and sign of a document, as `3879/UBND-VHTT`; without a number, as
/// `/UBND-VHTT`, it is a draft whose number the records clerk writes in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Number {
    /// The number in the year; `None` is left blank.
    pub number: Option<u32>,
    /// The sign behind the slash: issuer and drafting unit, or type and issuer.
    pub sign: String,
}

/// Why a text is no number and sign.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotANumber {
    /// No slash.
    #[error("{0:?} has no slash between number and sign, expected for example 3879/UBND-VHTT")]
    Slash(String),
    /// What is before the slash.
    #[error("{0:?} does not begin with a number from 1 to 999999, expected for example 05/BC-UBND")]
    Digits(String),
    /// What is behind it.
    #[error(
        "{0:?} has the sign {1:?}, expected capital letters, digits and hyphens without spaces, \
         for example UBND-VHTT"
    )]
    Sign(String, String),
}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let text = text.trim();
        let slash = || NotANumber::Slash(text.into());
        let (number, sign) = text.split_once('/').ok_or_else(slash)?;
        Ok(Self {
            number: in_year(number).ok_or_else(|| NotANumber::Digits(text.into()))?,
            sign: checked(sign).ok_or_else(|| NotANumber::Sign(text.into(), sign.into()))?,
        })
    }
}

/// The number before the slash, or none; outside `None` for anything else.
fn in_year(text: &str) -> Option<Option<u32>> {
    if text.is_empty() {
        return Some(None);
    }
    let plain = text.len() <= 6 && text.chars().all(|c| c.is_ascii_digit());
    let number = text.parse().ok().filter(|number| plain && *number > 0);
    number.map(Some)
}

fn checked(sign: &str) -> Option<String> {
    let part = |part: &str| {
        let fits = |c: char| c.is_uppercase() || c.is_ascii_digit();
        !part.is_empty() && part.chars().all(fits)
    };
    // A year may stand between, as in 30/2020/NĐ-CP.
    let whole = sign.split(['-', '/']).all(part);
    whole.then(|| sign.to_owned())
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "{number:02}/{}", self.sign),
            None => write!(f, "{BLANK}/{}", self.sign),
        }
    }
}

/// Room to write a number or a day into.
pub(super) const BLANK: &str = "\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}";

/// A day as documents write it, `ngày 08 tháng 11 năm 2024`: a nought before
/// days below 10 and before months 1 and 2 only.
pub fn written_date(day: Date) -> String {
    format!(
        "ngày {:02} tháng {} năm {}",
        day.day(),
        written_month(day.month()),
        day.year()
    )
}

/// A month with its nought where it has one.
pub(super) fn written_month(month: i8) -> String {
    if month <= 2 {
        format!("{month:02}")
    } else {
        month.to_string()
    }
}

/// The date line; a day not yet known is left blank.
pub(super) fn date_line(place: &str, date: Option<Date>) -> String {
    let date = date.map_or_else(
        || {
            format!("ngày {BLANK}tháng {BLANK}năm {BLANK}")
                .trim_end()
                .to_owned()
        },
        written_date,
    );
    format!("{place}, {date}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_with_two_digits_at_least() {
        for (text, written) in [
            ("3879/UBND-VHTT", "3879/UBND-VHTT"),
            ("5/BC-UBND", "05/BC-UBND"),
            ("05/QĐ-BNV", "05/QĐ-BNV"),
        ] {
            assert_eq!(text.parse::<Number>().unwrap().to_string(), written);
        }
        let draft: Number = "/UBND-VHTT".parse().unwrap();
        assert_eq!(draft.number, None);
        assert!(draft.to_string().ends_with("\u{a0}/UBND-VHTT"));
    }

    #[test]
    fn what_is_wrong_with_a_number_is_named() {
        for (text, says) in [
            ("3879UBND-VHTT", "no slash"),
            ("x/UBND", "begin with a number"),
            ("0/UBND", "begin with a number"),
            ("-5/UBND", "begin with a number"),
            ("12 /UBND", "begin with a number"),
            ("12/ubnd", "sign \"ubnd\""),
            ("12/", "sign \"\""),
            ("12/UBND - VX", "without spaces"),
            ("12/UBND--VX", "sign"),
        ] {
            let error = text.parse::<Number>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn noughts_stand_before_small_days_and_two_months() {
        let day = |y, m, d| written_date(jiff::civil::date(y, m, d));
        assert_eq!(day(2024, 11, 8), "ngày 08 tháng 11 năm 2024");
        assert_eq!(day(2025, 2, 10), "ngày 10 tháng 02 năm 2025");
        assert_eq!(day(2025, 3, 1), "ngày 01 tháng 3 năm 2025");
    }
}
