//! What `LibreSpeed` clients said they measured, for the link they share.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use wire::librespeed::message::Telemetry;

use crate::http::Problem;

/// Results remembered; older ones are forgotten.
const KEPT: usize = 1000;

/// The latest results, each under a name nobody can guess.
#[derive(Debug, Default)]
pub(crate) struct Results(Mutex<VecDeque<(String, Telemetry)>>);

impl Results {
    /// Keeps a result and names it.
    pub(crate) fn keep(&self, result: Telemetry) -> Result<String, Problem> {
        let id = crate::site::random_hex()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((id.clone(), result));
        Ok(id)
    }

    /// The result of a name.
    pub(crate) fn find(&self, id: &str) -> Option<Telemetry> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(known, _)| known == id);
        found.map(|(_, result)| result.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_results_are_kept() {
        let results = Results::default();
        let first = results.keep(Telemetry::default()).unwrap();
        assert!(results.find(&first).is_some() && results.find("").is_none());
        for _ in 0..KEPT {
            results.keep(Telemetry::default()).unwrap();
        }
        assert_eq!(results.find(&first), None);
    }
}
