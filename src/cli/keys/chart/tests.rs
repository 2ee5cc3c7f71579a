//! What is drawn of lines in every situation that an operator looks at.
use super::*;
use crate::{
    keys::timeline::{Instants, Timeline},
    store::Origin,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// 2026-11-30T00:53:20Z
const NOW: Timestamp = Timestamp(1_796_000_000_000);

fn key(number: i64, published_at: Timestamp, activates_at: Timestamp) -> Instants {
    Instants {
        number,
        published_at,
        activates_at,
        retired_at: None,
        longest_token: MINUTE * 10,
        revoked_at: None,
    }
}

/// One that was announced for a day.
fn announced(number: i64, activates_at: Timestamp) -> Instants {
    key(number, activates_at - DAY, activates_at)
}

/// As many as a schedule of 30 days has made, the last of them announced.
fn monthly(count: u32) -> Vec<Instants> {
    (0..count).rev().zip(1..).map(|(age, n)| announced(n, NOW + DAY / 2 - DAY * 30 * age)).collect()
}

fn line(alg: &'static str, keys: &[Instants]) -> Vec<KeyView> {
    let timeline = Timeline(keys);
    let view = |key: &Instants| KeyView {
        kid: format!("{alg}-{}-and-more", key.number),
        alg,
        number: key.number,
        state: timeline.state(key, MINUTE, NOW),
        published_at: key.published_at,
        activates_at: key.activates_at,
        superseded_at: timeline.superseded_at(key),
        unpublished_at: timeline.unpublished_at(key, MINUTE),
        revoked_at: key.revoked_at,
        origin: Origin::Generated,
    };
    keys.iter().map(view).collect()
}

/// The chart without what is below the bars.
fn drawn(keys: &[KeyView]) -> String {
    let chart = chart(keys, 8, NOW);
    assert!(chart.lines().all(|line| line.chars().count() <= 100), "{chart}");
    chart.split("\n\n").next().unwrap().to_owned()
}

#[track_caller]
fn is_drawn(keys: &[KeyView], expected: &str) {
    let drawn = drawn(keys);
    assert_eq!(drawn, expected.trim(), "\n{drawn}\n");
}

#[test]
fn the_first_key() {
    is_drawn(
        &line("ES256", &[key(1, NOW, NOW)]),
        "
ALG    KEY  STATE   KID       ┌now
ES256  1    active  ES256-1-  │█████████████████████████████████████████████████████████████████████
",
    );
}

#[test]
fn a_key_that_is_announced() {
    let es256 = [announced(1, NOW - DAY * 29), announced(2, NOW + DAY / 2)];
    is_drawn(
        &line("ES256", &es256),
        "
ALG    KEY  STATE      KID       ┌10-31 00:53                 11-29 12:53┐  now┐     ┌11-30 12:53
ES256  1    active     ES256-1-  ░░░░░░░███████████████████████████████████████│█████▒▒·············
ES256  2    announced  ES256-2-  ········································░░░░░░│░░░░░███████████████
",
    );
}

#[test]
fn lines_that_change_at_about_the_same_time() {
    let es256 = [announced(1, NOW - DAY * 29), announced(2, NOW + DAY / 2)];
    let rs256 = es256.map(|key| announced(key.number, key.activates_at + SECOND * 3));
    is_drawn(
        &[line("RS256", &rs256), line("ES256", &es256)].concat(),
        "
ALG    KEY  STATE      KID       ┌10-31 00:53                 11-29 12:53┐  now┐     ┌11-30 12:53
RS256  1    active     RS256-1-  ░░░░░░░███████████████████████████████████████│█████▒▒·············
RS256  2    announced  RS256-2-  ········································░░░░░░│░░░░░███████████████
ES256  1    active     ES256-1-  ░░░░░░░███████████████████████████████████████│█████▒▒·············
ES256  2    announced  ES256-2-  ········································░░░░░░│░░░░░███████████████
",
    );
}

#[test]
fn a_key_that_has_just_been_replaced() {
    let at = NOW - SECOND * 5;
    is_drawn(
        &line("ES256", &[announced(1, NOW - DAY * 9), key(2, at, at)]),
        "
ALG    KEY  STATE      KID       ┌11-20 00:53 ┌11-21 00:53                      now┐   ┌11-30 01:04
ES256  1    verifying  ES256-1-  ░░░░░░░░░░░░░█████████████████████████████████████│▒▒▒·············
ES256  2    active     ES256-2-  ··················································│████████████████
",
    );
}

#[test]
fn a_key_that_was_revoked() {
    let at = NOW - MINUTE * 5;
    let revoked = Instants { revoked_at: Some(at), ..announced(1, NOW - DAY * 9) };
    is_drawn(
        &line("ES256", &[revoked, key(2, at, at)]),
        "
ALG    KEY  STATE    KID       ┌11-20 00:53 ┌11-21 00:53                           now┐
ES256  1    revoked  ES256-1-  ░░░░░░░░░░░░░████████████████████████████████████████··│·············
ES256  2    active   ES256-2-  ·····················································██│█████████████
",
    );
}

#[test]
fn an_announced_key_that_was_revoked() {
    let revoked = Instants { revoked_at: Some(NOW - MINUTE), ..announced(2, NOW + DAY / 2) };
    is_drawn(
        &line("ES256", &[announced(1, NOW - DAY * 9), revoked]),
        "
ALG    KEY  STATE    KID       ┌11-20 00:53                     11-29 12:53┐       now┐
ES256  1    active   ES256-1-  ░░░░░░░░░░░████████████████████████████████████████████│█████████████
ES256  2    revoked  ES256-2-  ············································░░░░░░░░░··│·············
",
    );
}

#[test]
fn a_line_that_is_switched_off_and_one_that_takes_its_place() {
    let retired = Instants { retired_at: Some(NOW + DAY / 2), ..announced(1, NOW - DAY * 9) };
    let es256 = key(1, NOW - DAY / 2, NOW + DAY / 2);
    is_drawn(
        &[line("RS256", &[retired]), line("ES256", &[es256])].concat(),
        "
ALG    KEY  STATE      KID       ┌11-20 00:53             11-29 12:53┐   now┐        ┌11-30 12:53
RS256  1    active     RS256-1-  ░░░░░░░░░██████████████████████████████████│████████▒▒·············
ES256  1    announced  ES256-1-  ····································░░░░░░░│░░░░░░░░███████████████
",
    );
}

#[test]
fn ten_keys() {
    let keys = monthly(10);
    is_drawn(
        &line("ES256", &keys),
        "
ALG    KEY  STATE      KID       ┌03-04 12:53     08-02 12:53┐     10-31 12:53┐ now┐ ┌11-30 12:53
ES256  1    gone       ES256-1-  ░████▒▒···········································│················
ES256  2    gone       ES256-2-  ····░██████▒······································│················
ES256  3    gone       ES256-3-  ··········░██████▒································│················
ES256  4    gone       ES256-4-  ···············░░█████▒···························│················
ES256  5    gone       ES256-5-  ·····················░██████▒·····················│················
ES256  6    gone       ES256-6-  ··························░░█████▒▒···············│················
ES256  7    gone       ES256-7-  ································░██████▒··········│················
ES256  8    gone       ES256-8-  ······································░██████▒····│················
ES256  9    active     ES256-9-  ···········································░░█████│█▒▒·············
ES256  10   announced  ES256-10  ·················································░│░███████████████
",
    );
}

#[test]
fn two_rotations_within_seconds() {
    let at = |seconds| NOW - SECOND * seconds;
    let keys = [key(1, at(30), at(30)), key(2, at(20), at(20)), key(3, at(10), at(10))];
    is_drawn(
        &line("ES256", &keys),
        "
ALG    KEY  STATE      KID               now┐                                          ┌11-30 01:04
ES256  1    verifying  ES256-1-  █████▒▒▒▒▒▒│▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒·············
ES256  2    verifying  ES256-2-  ·····██████│▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒·············
ES256  3    active     ES256-3-  ···········│███████████████████████████████████████████████████████
",
    );
}

/// Each phase that a key goes through can be seen, however short it is beside the others.
#[test]
fn no_phase_is_lost() {
    let keys = monthly(15);
    for row in drawn(&line("ES256", &keys)).lines().skip(2).take(12) {
        for sign in [UNPUBLISHED, ANNOUNCED, ACTIVE, VERIFYING, NOW_MARK] {
            assert!(row.contains(sign), "no {sign} in {row}");
        }
    }
}

#[test]
fn of_more_than_can_be_drawn_the_oldest_is_left_out() {
    let keys = monthly(60);
    let drawn = drawn(&line("ES256", &keys));
    let last = drawn.lines().last().unwrap();
    assert!(last.contains("60") && last.contains("│░") && last.ends_with(ACTIVE), "{drawn}");
}
