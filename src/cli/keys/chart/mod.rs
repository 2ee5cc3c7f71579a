//! Keys drawn as bars over one axis of time, for a terminal of a hundred columns.
mod axis;

use crate::{
    clock::Timestamp,
    keys::{KeyView, timeline::State},
};
use axis::{Axis, minute};

const WIDTH: usize = 100;

const UNPUBLISHED: char = '·';
const ANNOUNCED: char = '░';
const ACTIVE: char = '█';
const VERIFYING: char = '▒';
const NOW_MARK: char = '│';

/// A row for each key and what the signs mean. `kid_length` is how much of each kid is shown.
pub fn chart(keys: &[KeyView], kid_length: usize, now: Timestamp) -> String {
    let heading = ["ALG", "KEY", "STATE", "KID"].map(str::to_owned);
    let cells: Vec<_> = keys.iter().map(|key| cells(key, kid_length)).collect();
    let widths: [usize; 4] = std::array::from_fn(|column| {
        let rows = std::iter::once(&heading).chain(&cells);
        rows.filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0)
    });
    let left = |row: &[String; 4]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  "));
        padded.collect::<String>()
    };
    let taken = left(&heading).len();
    let axis = Axis::new(keys, now, WIDTH.saturating_sub(taken));
    let mut lines = vec![left(&heading) + &axis.labels()];
    for (key, cells) in keys.iter().zip(&cells) {
        lines.push(left(cells) + &bar(key, &axis));
    }
    lines.push(format!(
        "\n{UNPUBLISHED} not in the JWKS  {ANNOUNCED} announced  {ACTIVE} signs  {VERIFYING} verifies only  \
         {NOW_MARK} now: {} UTC; not to scale\n",
        minute(now)
    ));
    lines.join("\n")
}

fn cells(key: &KeyView, kid_length: usize) -> [String; 4] {
    let state = match key.state {
        State::Announced => "announced",
        State::Active => "active",
        State::Verifying => "verifying",
        State::Gone => "gone",
        State::Revoked => "revoked",
    };
    let kid = key.kid.chars().take(kid_length).collect();
    [key.alg.to_owned(), key.number.to_string(), state.to_owned(), kid]
}

fn bar(key: &KeyView, axis: &Axis) -> String {
    let mut bar = String::new();
    for stretch in axis.stretches() {
        if stretch.begins_now {
            bar.push(NOW_MARK);
        }
        bar.extend(std::iter::repeat_n(sign(key, stretch.state_at), stretch.cells));
    }
    bar
}

/// How the key is drawn from an instant at which something changes until the next.
fn sign(key: &KeyView, at: Timestamp) -> char {
    let passed = |instant: Option<Timestamp>| instant.is_some_and(|instant| instant <= at);
    if at < key.published_at || passed(key.unpublished_at) {
        UNPUBLISHED
    } else if passed(key.superseded_at) {
        VERIFYING
    } else if at < key.activates_at {
        ANNOUNCED
    } else {
        ACTIVE
    }
}

#[cfg(test)]
mod tests;
