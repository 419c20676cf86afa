//! Whether every stream of a direction is past BBR's STARTUP.

use metric::unit::Micros;

/// Keeps, for each stream, when it was first seen past STARTUP.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Startup(Vec<Option<Micros>>);

impl Startup {
    /// A stream joins, in STARTUP; returns its number.
    pub fn join(&mut self) -> usize {
        self.0.push(None);
        self.0.len() - 1
    }

    /// A stream was seen past STARTUP at `at`; the first time stands.
    pub fn left(&mut self, stream: usize, at: Micros) {
        if let Some(left) = self.0.get_mut(stream) {
            left.get_or_insert(at);
        }
    }

    /// When the last stream was seen past it; `None` while one was not, and
    /// before there is any.
    pub fn all_left(&self) -> Option<Micros> {
        let all: Option<Vec<Micros>> = self.0.iter().copied().collect();
        all?.into_iter().max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stream_decides() {
        let mut startup = Startup::default();
        assert_eq!(startup.all_left(), None, "no stream");
        let (a, b) = (startup.join(), startup.join());
        startup.left(b, Micros(700));
        assert_eq!(startup.all_left(), None);
        startup.left(a, Micros(500));
        startup.left(b, Micros(900));
        assert_eq!(
            startup.all_left(),
            Some(Micros(700)),
            "the first time stands"
        );
        startup.join();
        assert_eq!(startup.all_left(), None, "a new stream begins in it");
        startup.left(9, Micros(1));
    }
}
