//! What an office says of its own: who issues and signs, number, day and place.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::civil::Date;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::number::Number;

/// An office's own fields, as its file or the command line gives them.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Office {
    /// The body above the issuer.
    pub parent: Option<String>,
    /// The body that issues, as it is written in a sentence: `Ủy ban nhân dân Quận 1`.
    pub issuer: Option<String>,
    /// Number and sign, `3879/UBND-VHTT`; `/UBND-VHTT` leaves the number blank.
    pub number: Option<String>,
    /// Name of the unit where the issuer sits, `Quận 1`.
    pub place: Option<String>,
    /// Day of issue, `2024-11-08`; absent leaves it blank.
    pub date: Option<String>,
    /// In whose name is signed, `KT. CHỦ TỊCH`.
    pub authority: Option<String>,
    /// Title of who signs, `PHÓ CHỦ TỊCH`.
    pub title: Option<String>,
    /// Name of who signs; absent leaves room for it.
    pub name: Option<String>,
    /// Addressees instead of those of the template.
    pub recipients: Option<Vec<String>>,
    /// Copies instead of those of the template.
    pub copies: Option<Vec<String>>,
    /// More fields for the template.
    pub fields: BTreeMap<String, String>,
}

impl Office {
    /// Reads an office's file; its text is brought to NFC.
    ///
    /// # Errors
    ///
    /// Names the key at fault.
    pub fn parse(text: &str) -> Result<Self> {
        let text: String = text.nfc().collect();
        toml::from_str(&text).context("reading the office's fields")
    }

    /// These fields, and of `other` what they do not give.
    pub fn or(self, other: Self) -> Self {
        let mut fields = other.fields;
        fields.extend(self.fields);
        Self {
            parent: self.parent.or(other.parent),
            issuer: self.issuer.or(other.issuer),
            number: self.number.or(other.number),
            place: self.place.or(other.place),
            date: self.date.or(other.date),
            authority: self.authority.or(other.authority),
            title: self.title.or(other.title),
            name: self.name.or(other.name),
            recipients: self.recipients.or(other.recipients),
            copies: self.copies.or(other.copies),
            fields,
        }
    }

    /// The number and sign.
    pub(super) fn number(&self) -> Result<Number> {
        let text = self.needed(
            "number",
            self.number.as_ref(),
            "3879/UBND-VHTT, or /UBND-VHTT to leave the number blank",
        )?;
        text.parse().map_err(|error| anyhow!("number: {error}"))
    }

    /// The day of issue.
    pub(super) fn date(&self) -> Result<Option<Date>> {
        let Some(text) = &self.date else {
            return Ok(None);
        };
        let day: Result<Date, _> = text.trim().parse();
        let wrong = || anyhow!("date: {text:?} is not a day, expected for example 2024-11-08");
        let day = day.map_err(|_| wrong())?;
        ensure!(text.trim().len() == 10, wrong());
        Ok(Some(day))
    }

    /// A field without which there is no such document.
    pub(super) fn needed<'a>(
        &self,
        name: &str,
        value: Option<&'a String>,
        example: &str,
    ) -> Result<&'a String> {
        let given = value.filter(|text| !text.trim().is_empty());
        given.with_context(|| format!("{name} is missing, expected for example {example}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_says_more_than_the_second() {
        let first = Office::parse("number = \"/BC-UBND\"\n[fields]\nlink = \"a\"").unwrap();
        let second = Office::parse(
            "number = \"1/X\"\nplace = \"Quận 1\"\n[fields]\nlink = \"b\"\nx = \"c\"",
        );
        let both = first.or(second.unwrap());
        assert_eq!(both.number.as_deref(), Some("/BC-UBND"));
        assert_eq!(both.place.as_deref(), Some("Quận 1"));
        assert_eq!(both.fields["link"], "a");
        assert_eq!(both.fields["x"], "c");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let office = |text: &str| Office::parse(text).unwrap();
        let number = office("number = \"3879UBND-VHTT\"").number().unwrap_err();
        assert!(
            number
                .to_string()
                .starts_with("number: \"3879UBND-VHTT\" has no slash")
        );
        let missing = office("").number().unwrap_err();
        assert!(missing.to_string().starts_with("number is missing"));
        for wrong in ["2024-13-01", "08/11/2024", "2024-11-08T00:00", ""] {
            let error = office(&format!("date = {wrong:?}")).date().unwrap_err();
            assert!(error.to_string().starts_with("date: "), "{error}");
        }
        let error = Office::parse("sign = \"x\"").unwrap_err();
        assert!(format!("{error:#}").contains("sign"));
    }
}
