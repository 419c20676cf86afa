//! Every number of a text is accounted for: it stands where an expected text
//! has it, or it is complained of by document, page and number.

use std::fmt::Write as _;

/// The text of a document, page by page, without what belongs to the page.
pub(super) struct Read {
    /// Name of the file.
    pub(super) name: String,
    /// Text of each page.
    pub(super) pages: Vec<String>,
}

/// A number as it is written: digits with dots and commas between them.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Token {
    text: String,
    page: usize,
    /// Where it begins and ends among the letters without blanks.
    from: usize,
    to: usize,
    /// Some letters around it.
    around: String,
}

/// A text without blanks, which line breaks and cells move about, and its numbers.
#[derive(Default)]
struct Squeezed {
    letters: Vec<char>,
    tokens: Vec<Token>,
}

impl Squeezed {
    fn of(pages: &[String]) -> Self {
        let mut all = Self::default();
        for (page, text) in (1..).zip(pages) {
            all.page(page, &text.chars().collect::<Vec<_>>());
        }
        all
    }

    fn page(&mut self, page: usize, text: &[char]) {
        let mut at = 0;
        while at < text.len() {
            let length = number_length(&text[at..]);
            let from = self.letters.len();
            let step = length.max(1);
            let letters = text[at..at + step].iter().filter(|c| !c.is_whitespace());
            self.letters.extend(letters);
            if length > 0 {
                self.tokens.push(Token {
                    text: text[at..at + length].iter().collect(),
                    page,
                    from,
                    to: self.letters.len(),
                    around: around(text, at, length),
                });
            }
            at += step;
        }
    }

    /// The numbers that begin between two letters, with their places.
    fn within(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, &Token)> {
        let tokens = self.tokens.iter().enumerate();
        tokens.filter(move |(_, token)| token.from < to && token.to > from)
    }
}

/// Letters of the number that a text begins with.
fn number_length(text: &[char]) -> usize {
    let digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let mut at = 0;
    while digit(at) || (at > 0 && matches!(text.get(at), Some('.' | ',')) && digit(at + 1)) {
        at += 1;
    }
    at
}

fn around(text: &[char], at: usize, length: usize) -> String {
    let from = at.saturating_sub(24);
    let to = (at + length + 24).min(text.len());
    let part: String = text[from..to].iter().collect();
    part.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What came of a document.
pub(super) struct Account {
    /// Numbers in it.
    pub(super) numbers: usize,
    /// What is wrong, a line each.
    pub(super) complaints: Vec<String>,
}

/// Holds a text against the texts that must be in it; `scales` allows evenly
/// spaced rows of numbers from zero, as on the axes of charts.
pub(super) fn account(read: &Read, expected: &[String], scales: bool) -> Account {
    let text = Squeezed::of(&read.pages);
    let mut known = vec![false; text.tokens.len()];
    let mut complaints = vec![];
    for piece in expected {
        if !mark(&text, piece, &mut known) {
            complaints.push(format!("{}: there is no {piece:?}", read.name));
        }
    }
    if scales {
        mark_scales(&text.tokens, &mut known);
    }
    for (token, _) in text.tokens.iter().zip(&known).filter(|(_, known)| !**known) {
        let mut line = String::new();
        let _ = write!(line, "{}, page {}: ", read.name, token.page);
        let _ = write!(line, "{} is in no answer of the store", token.text);
        let _ = write!(line, " (… {} …)", token.around);
        complaints.push(line);
    }
    Account {
        numbers: text.tokens.len(),
        complaints,
    }
}

/// Marks the numbers of every place where a piece stands; says whether it does.
fn mark(text: &Squeezed, piece: &str, known: &mut [bool]) -> bool {
    let piece = Squeezed::of(&[piece.to_owned()]);
    let length = piece.letters.len();
    let mut found = false;
    for from in 0..(text.letters.len() + 1).saturating_sub(length.max(1)) {
        if text.letters[from..from + length] != piece.letters[..] {
            continue;
        }
        let here: Vec<_> = text.within(from, from + length).collect();
        let same = here.len() == piece.tokens.len()
            && here.iter().zip(&piece.tokens).all(|((_, here), there)| {
                here.text == there.text && here.from == from + there.from
            });
        if same {
            found = true;
            here.iter().for_each(|(at, _)| known[*at] = true);
        }
    }
    found
}

/// Rows of three and more numbers next to one another that rise evenly from zero.
fn mark_scales(tokens: &[Token], known: &mut [bool]) {
    let mut at = 0;
    while at < tokens.len() {
        let length = scale_length(&tokens[at..]);
        if length >= 3 {
            known[at..at + length].fill(true);
        }
        at += length.max(1);
    }
}

fn scale_length(tokens: &[Token]) -> usize {
    let value = |token: &Token| token.text.replace('.', "").replace(',', ".").parse::<f64>();
    let values = tokens.iter().map_while(|token| value(token).ok());
    let values: Vec<_> = values.collect();
    if values.first() != Some(&0.0) || values.len() < 2 {
        return 0;
    }
    let step = values[1];
    let rises = |at: usize| {
        let next = tokens[at].from == tokens[at - 1].to;
        next && (values[at] - values[at - 1] - step).abs() < 1e-9
    };
    let rest = (1..values.len()).take_while(|at| rises(*at)).count();
    if step > 0.0 { rest + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Read {
        let pages = [
            "Toàn địa bàn có 3.193 mẫu,\n7/10 phường đạt chỉ tiêu 300",
            "mẫu/tháng; trung vị 57–\n104 Mbit/s (72,7%).\n1 Phường Bến Nghé 300 218 82\nquận 10",
        ];
        Read {
            name: "cong-van.pdf".into(),
            pages: pages.map(str::to_owned).to_vec(),
        }
    }

    fn expected() -> Vec<String> {
        let pieces = [
            "Toàn địa bàn có 3.193 mẫu, 7/10 phường đạt chỉ tiêu 300 mẫu/tháng; trung vị 57–104 \
             Mbit/s (72,7%)",
            "1 Phường Bến Nghé 300 218 82",
            "quận 10",
        ];
        pieces.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_whole_letter_is_accounted_for_over_lines_and_pages() {
        let account = account(&letter(), &expected(), false);
        assert_eq!(account.complaints, Vec::<String>::new());
        assert_eq!(account.numbers, 12);
    }

    #[test]
    fn any_digit_that_is_altered_is_found_with_its_page() {
        let whole = letter();
        let mut altered = 0;
        for (page, text) in whole.pages.iter().enumerate() {
            for (at, digit) in text.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
                let other = if digit == '9' {
                    "0".into()
                } else {
                    (digit.to_digit(10).unwrap() + 1).to_string()
                };
                let mut read = letter();
                read.pages[page].replace_range(at..at + 1, &other);
                let complaints = account(&read, &expected(), true).complaints;
                let named = format!("cong-van.pdf, page {}: ", page + 1);
                let found = complaints.iter().any(|line| line.starts_with(&named));
                assert!(found, "{at} of page {page}: {complaints:?}");
                altered += 1;
            }
        }
        assert_eq!(altered, 29);
    }

    #[test]
    fn digits_that_move_from_one_cell_to_the_next_are_found() {
        let mut read = letter();
        read.pages[1] = read.pages[1].replace("300 218 82", "3002 18 82");
        let complaints = account(&read, &expected(), false).complaints;
        assert!(
            complaints[0].contains("there is no \"1 Phường Bến Nghé"),
            "{complaints:?}"
        );
        assert!(complaints[1].starts_with("cong-van.pdf, page 2: 1 is in no"));
        // "10" is not found inside "210".
        let mut read = letter();
        read.pages[1] = read.pages[1].replace("quận 10", "quận 210");
        let complaints = account(&read, &["quận 10".to_owned()], false).complaints;
        assert!(complaints[0].contains("there is no \"quận 10\""));
    }

    #[test]
    fn a_scale_rises_evenly_from_zero() {
        let read = |text: &str| Read {
            name: "ban-tin.pdf".into(),
            pages: vec![text.into()],
        };
        let complaints = |text: &str| account(&read(text), &[], true).complaints.len();
        assert_eq!(complaints("0 100\n200\n300 mẫu"), 0);
        assert_eq!(complaints("0,00 0,25 0,50 0,75"), 0);
        assert_eq!(complaints("0 100 201 300"), 4);
        assert_eq!(complaints("100 200 300"), 3);
        assert_eq!(complaints("0 mẫu 100 200"), 3);
    }
}
