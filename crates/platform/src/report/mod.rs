//! The month of a campaign as a file: the numbers of the API, for spreadsheets.

pub mod csv;
mod layout;
pub mod xlsx;

pub(crate) use layout::reason_name;

#[cfg(test)]
mod tests;
