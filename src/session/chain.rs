//! What it means that a refresh token is presented: decided from one row, without I/O.
use super::{Policy, Retry};
use crate::{
    clock::Timestamp,
    model::{ClientId, EndReason, Session},
};

/// Who presents which generation.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    pub client_id: &'a ClientId,
    pub device_id: Option<&'a str>,
    pub generation: i64,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The current token, or one from ahead of a row that was restored: the chain moves on.
    Current,
    /// The token before the current one, in time: it gets the same successor again.
    Retry,
    /// An older one, or too late: someone else may have it.
    Reuse,
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such session, or it is not this client's. The caller is not told which.
    NotYours,
    Ended(EndReason),
    /// Past its absolute lifetime.
    Expired,
    /// Not used for longer than the idle lifetime.
    Idle,
    DeviceMismatch,
    UserDisabled,
    /// It was reused just now, and the session has ended for it.
    Reused,
}

impl Refusal {
    /// An end by itself is told as it was before somebody noticed it.
    fn after(reason: EndReason) -> Self {
        if reason == EndReason::Expired {
            Self::Expired
        } else if reason == EndReason::Idle {
            Self::Idle
        } else {
            Self::Ended(reason)
        }
    }

    /// Why the session ended, if that is what it is refused for.
    pub fn reason(self) -> Option<EndReason> {
        match self {
            Self::Ended(reason) => Some(reason),
            Self::Expired => Some(EndReason::Expired),
            Self::Idle => Some(EndReason::Idle),
            Self::Reused => Some(EndReason::ReuseDetected),
            Self::NotYours | Self::DeviceMismatch | Self::UserDisabled => None,
        }
    }
}

/// The rules of the chain, in the order in which they matter.
pub fn judge(
    session: &Session,
    user_enabled: bool,
    presented: Presented<'_>,
    policy: &Policy,
) -> Verdict {
    let now = presented.now;
    if session.client_id != *presented.client_id {
        return Verdict::Refused(Refusal::NotYours);
    }
    if let Some(ended) = session.ended {
        return Verdict::Refused(Refusal::after(ended.reason));
    }
    if session.expires_at <= now {
        return Verdict::Refused(Refusal::Expired);
    }
    if session.last_used_at + policy.idle_lifetime <= now {
        return Verdict::Refused(Refusal::Idle);
    }
    if presented.device_id.is_some_and(|id| session.device.id.as_deref() != Some(id)) {
        return Verdict::Refused(Refusal::DeviceMismatch);
    }
    if !user_enabled {
        return Verdict::Refused(Refusal::UserDisabled);
    }
    match session.generation - presented.generation {
        ..=0 => Verdict::Current,
        1 if in_time(session, policy.retry, now) => Verdict::Retry,
        _ => Verdict::Reuse,
    }
}

/// While the presented token is the one before the current, the current has not been used.
fn in_time(session: &Session, retry: Retry, now: Timestamp) -> bool {
    retry_until(session, retry).is_none_or(|until| now < until)
}

/// The instant from which the token before the current one is not retried; none if time does not matter.
pub fn retry_until(session: &Session, retry: Retry) -> Option<Timestamp> {
    match retry {
        Retry::UntilSuccessorUsed => None,
        Retry::Within(window) => Some(session.last_used_at + window),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, Ended, SessionId, UserId};
    use proptest::prelude::*;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);
    const POLICY: Policy = Policy {
        retry: Retry::Within(Duration::from_secs(30)),
        rotates: true,
        idle_lifetime: Duration::from_secs(1_000),
        absolute_lifetime: Duration::from_secs(10_000),
        limit: 10,
    };

    fn session(generation: i64) -> Session {
        Session {
            id: SessionId::new(Timestamp(0)),
            user_id: UserId::new(Timestamp(0)),
            client_id: "app".parse().unwrap(),
            device: Device { id: Some("phone".into()), ..Device::default() },
            group: None,
            scope: "".parse().unwrap(),
            generation,
            auth_time: Timestamp(0),
            created_at: Timestamp(0),
            last_used_at: Timestamp(50_000),
            expires_at: Timestamp(10_000_000),
            status_index: None,
            ended: None,
        }
    }

    fn verdict(session: &Session, generation: i64, now: i64) -> Verdict {
        let client_id = &session.client_id.clone();
        let now = Timestamp(now);
        judge(session, true, Presented { client_id, device_id: None, generation, now }, &POLICY)
    }

    #[test]
    fn the_current_token_and_those_ahead_move_the_chain() {
        for ahead in [5, 6, 100] {
            assert_eq!(verdict(&session(5), ahead, 60_000), Verdict::Current);
        }
    }

    #[test]
    fn the_token_before_is_retried_inside_the_window_only() {
        assert_eq!(verdict(&session(5), 4, 79_999), Verdict::Retry);
        assert_eq!(verdict(&session(5), 4, 80_000), Verdict::Reuse);
        let strict = Policy { retry: Retry::Within(Duration::ZERO), ..POLICY };
        let patient = Policy { retry: Retry::UntilSuccessorUsed, ..POLICY };
        let session = session(5);
        let client_id = &session.client_id;
        let presented =
            Presented { client_id, device_id: None, generation: 4, now: Timestamp(50_000) };
        assert_eq!(judge(&session, true, presented, &strict), Verdict::Reuse);
        let much_later = Presented { now: Timestamp(1_049_999), ..presented };
        assert_eq!(judge(&session, true, much_later, &patient), Verdict::Retry);
    }

    #[test]
    fn each_lifetime_ends_at_its_instant() {
        assert_eq!(verdict(&session(5), 5, 1_049_999), Verdict::Current);
        assert_eq!(verdict(&session(5), 5, 1_050_000), Verdict::Refused(Refusal::Idle));
        let short = Session { expires_at: Timestamp(60_000), ..session(5) };
        assert_eq!(verdict(&short, 5, 59_999), Verdict::Current);
        assert_eq!(verdict(&short, 5, 60_000), Verdict::Refused(Refusal::Expired));
    }

    #[test]
    fn only_the_sessions_own_device_client_and_enabled_user_pass() {
        let session = session(5);
        let (mine, other) = (&session.client_id, &"other".parse().unwrap());
        let now = session.last_used_at + SECOND;
        let presented = Presented { client_id: mine, device_id: None, generation: 5, now };
        let on = |device| Presented { device_id: Some(device), ..presented };
        let refused = |presented| match judge(&session, true, presented, &POLICY) {
            Verdict::Refused(refusal) => Some(refusal),
            Verdict::Current | Verdict::Retry | Verdict::Reuse => None,
        };
        assert_eq!(refused(on("phone")), None);
        assert_eq!(refused(on("laptop")), Some(Refusal::DeviceMismatch));
        assert_eq!(refused(Presented { client_id: other, ..presented }), Some(Refusal::NotYours));
        assert_eq!(
            judge(&session, false, presented, &POLICY),
            Verdict::Refused(Refusal::UserDisabled)
        );
    }

    proptest! {
        /// Whatever was presented before and however late: an ended session stays ended, and a
        /// token older than the one before the current is never honoured.
        #[test]
        fn nothing_revives_a_chain(
            generation in 0_i64..1_000, presented in 0_i64..1_000, now in 50_000_i64..1_000_000,
        ) {
            let live = session(generation);
            let outcome = verdict(&live, presented, now);
            if presented < generation - 1 {
                prop_assert_eq!(outcome, Verdict::Reuse);
            }
            let reason = EndReason::Revoked;
            let ended = Session { ended: Some(Ended { at: Timestamp(now), reason }), ..live };
            prop_assert_eq!(
                verdict(&ended, presented, now),
                Verdict::Refused(Refusal::Ended(reason))
            );
        }
    }
}
