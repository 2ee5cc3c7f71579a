//! The closed lists of `error` and `error_code`. Every name has its explanation beside it: the help
//! page that `error_uri` leads to is made from these tables.

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal, $meaning:literal, $remedy:literal;)*) => {
        /// The `error` of an answer (RFC 6749 §5.2, RFC 6750 §3.1 and others), with its HTTP status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($variant),* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $name),* } }
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status),* } }
            /// What it means.
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning),* } }
            /// What to do about it.
            pub const fn remedy(self) -> &'static str { match self { $(Self::$variant => $remedy),* } }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", 400,
        "The request is malformed: a parameter is missing, comes twice or contradicts another.",
        "Compare the request with the documentation of the endpoint. Token requests are forms (application/x-www-form-urlencoded), each parameter comes once, and a client authenticates in one way.";
    InvalidClient = "invalid_client", 401,
        "The client is unknown or did not prove who it is.",
        "Check client_id and client_secret. A confidential client sends its secret by HTTP Basic or as client_secret in the form; a public client sends its client_id and no secret.";
    InvalidGrant = "invalid_grant", 400,
        "The refresh token or the credentials are wrong, expired, used up, or belong to another client.",
        "Look at error_code, if there is one. Otherwise have the user log in again.";
    UnauthorizedClient = "unauthorized_client", 400,
        "The client may not use this grant.",
        "Register the client for the grant: mintmark client create --grant ….";
    UnsupportedGrantType = "unsupported_grant_type", 400,
        "This service does not offer that grant type.",
        "grant_types_supported in the metadata document lists those it offers.";
    InvalidScope = "invalid_scope", 400,
        "The scope is malformed, or more than the client or the session may have.",
        "Ask for less, or nothing: without scope everything allowed is granted.";
    InvalidTarget = "invalid_target", 400,
        "The resource is no absolute URI, or none of the client's audiences.",
        "Send a resource that the client is registered for, or none.";
    InvalidToken = "invalid_token", 401,
        "The access token is missing, malformed, expired, revoked or meant for another service.",
        "Get a new access token. For the admin API its audience has to be this service's issuer.";
    InsufficientScope = "insufficient_scope", 403,
        "The access token lacks the scope that this endpoint demands.",
        "Get a token with the scope named in the WWW-Authenticate header.";
    NotFound = "not_found", 404,
        "There is nothing under this path.",
        "The metadata documents under /.well-known/ list the endpoints.";
    MethodNotAllowed = "method_not_allowed", 405,
        "The path exists, but not for this method.",
        "Use a method from the Allow header.";
    Conflict = "conflict", 409,
        "What is asked for contradicts the state of the service.",
        "The description says what stands in the way.";
    TooLarge = "content_too_large", 413,
        "The body of the request is longer than this service reads.",
        "Send less. The setting server.max_body is the limit.";
    TimedOut = "request_timeout", 408,
        "The body of the request did not arrive in time.",
        "Send the request again, without pauses. The setting server.body_timeout is the limit.";
    ServerError = "server_error", 500,
        "Something went wrong here.",
        "Report the X-Request-Id of the answer: the log of the service has the cause under it.";
    TemporarilyUnavailable = "temporarily_unavailable", 503,
        "The service cannot do this now: its database is away, or too much waits already.",
        "Send the same request again after the seconds in Retry-After. A refresh token that was sent stays good.";
}

macro_rules! details {
    ($($variant:ident = $name:literal, $meaning:literal, $remedy:literal;)*) => {
        /// The `error_code` of an answer: a finer, stable name for why.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Detail { $($variant),* }

        impl Detail {
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $name),* } }
            /// What it means.
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning),* } }
            /// What to do about it.
            pub const fn remedy(self) -> &'static str { match self { $(Self::$variant => $remedy),* } }
        }
    };
}

details! {
    MissingAuthorizationHeader = "missing_authorization_header",
        "The request has no Authorization header.",
        "Send Authorization: Bearer and an access token.";
    InvalidAuthorizationHeader = "invalid_authorization_header",
        "The Authorization header is of another scheme than this endpoint takes, or comes twice.",
        "Send one Authorization header, of the scheme that WWW-Authenticate names.";
    MissingCredentials = "missing_credentials",
        "The login has no user name or no password.",
        "Send username and password, as JSON, as a form or by HTTP Basic.";
    InvalidCredentials = "invalid_credentials",
        "The user name or the password is wrong, or the user is disabled. Which of them is not told.",
        "Try again, or have an administrator set a new password.";
    UnknownClient = "unknown_client",
        "The client_id of the request is not registered, or its secret is wrong.",
        "Check client_id and client_secret.";
    NotConfigured = "not_configured",
        "The request names no client, and the service has no client for this API.",
        "Send client_id, or set session_api.first_party_client.";
    InvalidRefreshToken = "invalid_refresh_token",
        "The text is no refresh token of this service, or of another client.",
        "Send the whole token, as it was received.";
    MissingRefreshToken = "missing_refresh_token",
        "The request has no refresh token.",
        "Send refresh_token in the body of the request.";
    ScopeNotGranted = "scope_not_granted",
        "The scope of the refresh is malformed, or more than the session has. The token is not spent.",
        "Ask for less, or send no scope: then the session's own is granted.";
    ResourceNotRegistered = "resource_not_registered",
        "The resource of the refresh is none that the client is registered for. The token is not spent.",
        "Send a resource that the client is registered for, or none.";
    GrantNotRegistered = "grant_not_registered",
        "The client is not registered for the grant.",
        "Register the client for the grant: mintmark client create --grant ….";
    ObsoleteRefreshToken = "obsolete_refresh_token",
        "The token was used before, and its successor too, or too long ago: somebody else may have it. Its session has ended for safety.",
        "Have the user log in again. Keep the refresh_token of every answer, and retry a request whose answer was lost with the same token at once.";
    ExpiredRefreshToken = "expired_refresh_token",
        "The session is older than its absolute lifetime, or was not used for longer than its idle lifetime.",
        "Have the user log in again.";
    SessionEnded = "session_ended",
        "The session of the token has ended; the description says why.",
        "Have the user log in again.";
    DeviceMismatch = "device_mismatch",
        "The device_id is not that of the session. The session goes on for its own device.",
        "Send the device_id that the login was made with, or none.";
    TokenObsolete = "token_obsolete",
        "The access token was replaced by a refresh, and the tokens of that refresh are in use. Its client has chosen that only the newest pair holds.",
        "Use the access token of the latest refresh.";
    UserDisabled = "user_disabled",
        "The user of the session is disabled.",
        "Have an administrator look at the user.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_told_once() {
        let codes = Code::ALL.iter().map(|code| code.as_str());
        let mut names: Vec<_> =
            codes.chain(Detail::ALL.iter().map(|detail| detail.as_str())).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
