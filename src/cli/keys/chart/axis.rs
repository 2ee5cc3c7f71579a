//! The axis that keys are drawn over. From each instant at which something changes to the next it has
//! at least one cell, and more the longer that is, but not in proportion: thirty days and eleven
//! minutes are both to be seen.
use crate::{clock::Timestamp, keys::KeyView};
use std::time::Duration;

/// Changes of different keys that lie closer together are drawn as one.
const AS_ONE: Duration = Duration::from_mins(1);

/// The columns that a day with its time and a corner take.
const LABEL: usize = 12;

pub struct Axis {
    marks: Vec<Mark>,
    /// Where each mark's stretch begins, and where the last ends.
    columns: Vec<usize>,
}

/// An instant at which something changes, or a few close together.
struct Mark {
    first: Timestamp,
    last: Timestamp,
    is_now: bool,
    /// Whether a key signs from then on.
    signs: bool,
    /// Which key changes when.
    changes: Vec<(usize, Timestamp)>,
}

/// From one mark to the next.
pub struct Stretch {
    /// The column of now is before its cells.
    pub begins_now: bool,
    pub cells: usize,
    /// An instant whose state of each key is drawn.
    pub state_at: Timestamp,
}

impl Axis {
    pub fn new(keys: &[KeyView], now: Timestamp, width: usize) -> Self {
        let mut marks = marks(keys, now);
        // One column is for now. What does not fit is the oldest.
        let width = width.saturating_sub(1);
        marks.drain(..marks.len().saturating_sub(width));
        let columns = columns(&marks, width);
        Self { marks, columns }
    }

    pub fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let ends = self.columns.iter().skip(1);
        self.marks.iter().zip(&self.columns).zip(ends).map(|((mark, begin), end)| {
            let is_now = usize::from(mark.is_now);
            Stretch { begins_now: mark.is_now, cells: end - begin - is_now, state_at: mark.last }
        })
    }

    /// What stands over the marks, as far as there is room.
    pub fn labels(&self) -> String {
        let end = self.columns.last().copied().unwrap_or(0);
        let mut placed: Vec<(usize, String)> = Vec::new();
        for (mark, column) in self.by_weight() {
            let text = minute(mark.first);
            // Without the year, for which there is no room and seldom a need.
            let text = if mark.is_now { "now" } else { text.get(5..).unwrap_or(&text) };
            let length = text.chars().count();
            let is_free = |begin: usize| {
                let apart = |(other, text): &(usize, String)| {
                    begin + length + 1 < *other || other + text.chars().count() < begin
                };
                begin + length < end && placed.iter().all(apart)
            };
            let leftwards = column.checked_sub(length).filter(|&begin| is_free(begin));
            // What comes next has the room to the right of now.
            if let Some(begin) = leftwards.filter(|_| mark.is_now || !is_free(column)) {
                placed.push((begin, format!("{text}┐")));
            } else if is_free(column) {
                placed.push((column, format!("┌{text}")));
            }
        }
        line(placed)
    }

    /// The marks with their columns: now first, then what comes, the beginning, and what has been,
    /// newest first; of what comes and what has been first the keys that sign from then on.
    fn by_weight(&self) -> Vec<(&Mark, usize)> {
        let now = self.marks.iter().position(|mark| mark.is_now).unwrap_or(0);
        let mut order: Vec<_> =
            self.marks.iter().zip(self.columns.iter().copied()).enumerate().collect();
        order.sort_by_key(|&(index, (mark, _))| match index {
            _ if index == now => (0, false, 0),
            _ if index > now => (1, !mark.signs, index),
            0 => (2, false, 0),
            _ => (3, !mark.signs, now - index),
        });
        order.into_iter().map(|(_, placed)| placed).collect()
    }
}

/// Texts at their columns.
fn line(mut placed: Vec<(usize, String)>) -> String {
    placed.sort();
    placed.into_iter().fold(String::new(), |mut line, (column, text)| {
        let filled = line.chars().count();
        line.extend(std::iter::repeat_n(' ', column.saturating_sub(filled)));
        line + &text
    })
}

fn marks(keys: &[KeyView], now: Timestamp) -> Vec<Mark> {
    let mut changes: Vec<(Timestamp, Option<usize>)> = vec![(now, None)];
    for (index, key) in keys.iter().enumerate() {
        let instants = [Some(key.published_at), Some(key.activates_at), key.superseded_at];
        let left_at = key.unpublished_at;
        // What would have come after it left does not come.
        let stays = |at: &Timestamp| left_at.is_none_or(|left_at| *at < left_at);
        let instants = instants.into_iter().flatten().filter(stays);
        changes.extend(instants.chain(left_at).map(|at| (at, Some(index))));
    }
    // Now is the last of what is at that instant.
    changes.sort_by_key(|&(at, key)| (at, key.is_none()));
    let mut marks: Vec<Mark> = Vec::new();
    for (at, key) in changes {
        if !marks.last().is_some_and(|mark| mark.takes(at, key)) {
            marks.push(Mark::new(at));
        }
        if let Some(mark) = marks.last_mut() {
            mark.last = at;
            mark.is_now |= key.is_none();
            mark.signs |=
                key.and_then(|key| keys.get(key)).is_some_and(|key| key.activates_at == at);
            mark.changes.extend(key.map(|key| (key, at)));
        }
    }
    marks
}

impl Mark {
    const fn new(at: Timestamp) -> Self {
        Self { first: at, last: at, is_now: false, signs: false, changes: Vec::new() }
    }

    /// Whether a later change can be drawn as if it were at the same time. A key that changes twice is
    /// to be seen in between, and what is to come is not drawn as if it had come.
    fn takes(&self, at: Timestamp, key: Option<usize>) -> bool {
        let twice = self.changes.iter().any(|&(other, when)| Some(other) == key && when != at);
        at < self.first + AS_ONE && !twice && !self.is_now
    }
}

fn columns(marks: &[Mark], width: usize) -> Vec<usize> {
    let root = |(from, to): (&Mark, &Mark)| {
        let millis = to.first.since(from.first).as_millis();
        usize::try_from(millis.isqrt()).unwrap_or(usize::MAX >> 16).max(1)
    };
    let weights: Vec<_> = marks.iter().zip(marks.iter().skip(1)).map(root).collect();
    let total: usize = weights.iter().sum();
    let spare = width.saturating_sub(marks.len());
    // What lasts after the last mark has no end, and gets room for the mark's label.
    let open_end = if weights.is_empty() { spare } else { spare.min(LABEL) };
    let (mut columns, mut before, mut shift) = (vec![0], 0, 0);
    for (index, mark) in marks.iter().enumerate() {
        shift += usize::from(mark.is_now);
        let stretched = match weights.get(index) {
            Some(weight) => {
                before += weight;
                (spare - open_end) * before / total
            }
            None => spare,
        };
        columns.push(index + 1 + stretched + shift);
    }
    columns
}

/// Day and time of an instant, to the minute.
pub fn minute(instant: Timestamp) -> String {
    let text = instant.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}
