//! What a line of keys does now and next, in words.
use super::second;
use crate::{
    clock::Timestamp,
    config::KeySettings,
    keys::timeline::{Instants, Timeline},
};

/// One sentence without its full stop. `is_on` is whether the settings name the line.
pub fn words(line: Timeline<'_>, is_on: bool, settings: &KeySettings, now: Timestamp) -> String {
    match (line.active_at(now), line.announced_at(now)) {
        (Some(active), Some(next)) => {
            let (active, number) = (active.number, next.number);
            format!("key {active} signs now; key {number} signs from {}", second(next.activates_at))
        }
        (Some(active), None) => {
            format!("key {} {}", active.number, alone(line, active, is_on, settings, now))
        }
        (None, Some(next)) => {
            format!(
                "no key signs yet; key {} signs from {}",
                next.number,
                second(next.activates_at)
            )
        }
        (None, None) if is_on => {
            "no key signs; a service with these settings makes one when it runs".to_owned()
        }
        (None, None) => "no key signs, and none will".to_owned(),
    }
}

/// What a key does that signs and has no successor yet.
fn alone(
    line: Timeline<'_>,
    active: &Instants,
    is_on: bool,
    settings: &KeySettings,
    now: Timestamp,
) -> String {
    if let Some(end) = line.superseded_at(active) {
        return format!("signs until {}; the line is switched off", second(end));
    }
    if !is_on {
        return "signs now; keys.algorithms of these settings does not name the line".to_owned();
    }
    let announced_at = active.successor_announced_at(settings);
    if announced_at <= now {
        return "signs now; its successor is due, and is announced when the service runs"
            .to_owned();
    }
    let activates_at = announced_at + settings.announce_for;
    format!(
        "signs now; the next is announced on {} and signs from {}",
        second(announced_at),
        second(activates_at)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use std::{collections::HashMap, time::Duration};

    const DAY: Duration = Duration::from_hours(24);
    const NOW: Timestamp = Timestamp(1_796_000_000_000);

    fn key(number: i64, activates_at: Timestamp) -> Instants {
        Instants {
            number,
            published_at: activates_at - DAY,
            activates_at,
            retired_at: None,
            longest_token: Duration::from_mins(10),
            revoked_at: None,
        }
    }

    fn told(keys: &[Instants], is_on: bool) -> String {
        let settings = Settings::load(None, HashMap::new()).unwrap().keys;
        words(Timeline(keys), is_on, &settings, NOW)
    }

    #[test]
    fn a_line_tells_what_signs_and_what_comes() {
        let active = key(3, NOW - DAY * 2);
        assert_eq!(
            told(&[active, key(4, NOW + DAY)], true),
            "key 3 signs now; key 4 signs from 2026-12-01T00:53:20Z"
        );
        assert_eq!(
            told(&[active], true),
            "key 3 signs now; the next is announced on 2026-12-27T00:53:20Z and signs from \
             2026-12-28T00:53:20Z"
        );
        assert_eq!(
            told(&[key(1, NOW + DAY)], true),
            "no key signs yet; key 1 signs from 2026-12-01T00:53:20Z"
        );
    }

    #[test]
    fn a_line_that_is_switched_off_tells_its_end() {
        let retired = Instants { retired_at: Some(NOW + DAY), ..key(3, NOW - DAY) };
        let end = "key 3 signs until 2026-12-01T00:53:20Z; the line is switched off";
        assert_eq!(told(&[retired], false), end);
        assert!(told(&[key(3, NOW - DAY)], false).contains("does not name the line"));
        let gone = Instants { retired_at: Some(NOW - DAY), ..key(3, NOW - DAY * 2) };
        assert_eq!(told(&[gone], false), "no key signs, and none will");
    }

    #[test]
    fn what_is_left_to_do_for_the_service_is_told() {
        assert!(told(&[], true).contains("makes one when it runs"));
        assert!(told(&[key(1, NOW - DAY * 29)], true).contains("is due"));
        assert!(!told(&[key(1, NOW - DAY * 29 + Duration::from_millis(1))], true).contains("due"));
    }
}
