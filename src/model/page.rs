//! One page of a list that is too long for one answer.
use serde::Serialize;

/// Items, and after which one the next page begins; none if this is the last.
#[derive(Debug, Serialize)]
pub struct Page<T, I> {
    pub items: Vec<T>,
    pub next: Option<I>,
}

impl<T, I> Page<T, I> {
    pub const EMPTY: Self = Self { items: Vec::new(), next: None };

    /// From what was read with a limit: only a full page has another behind it.
    pub fn new(items: Vec<T>, limit: i64, id: impl Fn(&T) -> I) -> Self {
        let full = i64::try_from(items.len()).is_ok_and(|count| count >= limit);
        let next = items.last().filter(|_| full).map(id);
        Self { items, next }
    }
}
