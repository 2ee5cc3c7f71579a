-- One schema for SQLite and PostgreSQL. Columns are TEXT, BIGINT and UUID (SQLite keeps its 16 bytes);
-- instants are BIGINT milliseconds since the Unix epoch.

CREATE TABLE clients (
    id         TEXT   NOT NULL PRIMARY KEY,
    metadata   TEXT   NOT NULL, -- JSON, as no query looks inside
    created_at BIGINT NOT NULL
);

-- Up to two per client, so that one can be replaced while the other still works.
CREATE TABLE client_secrets (
    client_id  TEXT   NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    hash       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (client_id, hash)
);

CREATE TABLE users (
    id            UUID   NOT NULL PRIMARY KEY,
    username      TEXT   NOT NULL UNIQUE,
    password_hash TEXT   NOT NULL,
    claims        TEXT   NOT NULL, -- JSON
    created_at    BIGINT NOT NULL,
    last_login_at BIGINT,
    disabled_at   BIGINT
);

-- One row per session, updated in place at each rotation. It has no index but its key, so that
-- PostgreSQL can update a row without touching any index. Columns of one width come first: there are many rows.
CREATE TABLE sessions (
    id                  UUID   NOT NULL PRIMARY KEY,
    user_id             UUID   NOT NULL,
    auth_time           BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    expires_at          BIGINT NOT NULL,
    generation          BIGINT NOT NULL,
    -- Where the chain stood before the last rotation; tells that a handle came from ahead of it.
    previous_generation BIGINT NOT NULL,
    last_used_at        BIGINT NOT NULL,
    -- The newest generation of which an access token was met, for clients of which only the newest pair holds.
    seen_generation     BIGINT NOT NULL DEFAULT 0,
    ended_at            BIGINT,
    status_index        BIGINT, -- its place in the status lists, if its client has one; never given twice
    client_id           TEXT   NOT NULL,
    device_id           TEXT,
    device_name         TEXT,
    session_group       TEXT,
    scope               TEXT   NOT NULL,
    user_agent          TEXT,
    address             TEXT,
    end_reason          TEXT
);

-- The live sessions of each user. Logins and endings touch it, refreshes do not. A NULL device_id is
-- never equal to another, so sessions without a named device do not replace each other.
CREATE TABLE user_sessions (
    user_id    UUID NOT NULL,
    client_id  TEXT NOT NULL,
    session_id UUID NOT NULL,
    device_id  TEXT,
    PRIMARY KEY (user_id, session_id),
    UNIQUE (user_id, client_id, device_id)
);
CREATE INDEX user_sessions_by_client ON user_sessions (client_id, session_id);

-- Access tokens that were revoked one by one, until they expire.
CREATE TABLE denied_tokens (
    jti        TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX denied_tokens_by_expiry ON denied_tokens (expires_at);

-- Places in the status lists are taken by the block, so that logins do not wait for each other: a
-- process makes up an id, and the first login that needs the block numbers it.
CREATE TABLE status_blocks (
    id     UUID   NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE -- 0, 1, 2 …
);

-- The bits that are 1: sessions that ended not so long ago that one of their access tokens may live.
CREATE TABLE ended_statuses (
    status_index BIGINT NOT NULL PRIMARY KEY,
    ended_at     BIGINT NOT NULL
);

-- Each line of keys is numbered 1, 2, 3 …; whoever inserts a number first has made that key.
CREATE TABLE keys (
    line           TEXT   NOT NULL, -- a signing algorithm, or 'handle' for the keys of refresh tokens
    number         BIGINT NOT NULL,
    kid            TEXT   NOT NULL UNIQUE,
    public_jwk     TEXT,            -- none for 'handle'
    sealed         TEXT,            -- the secret half; erased when the key is superseded
    published_at   BIGINT NOT NULL,
    activates_at   BIGINT NOT NULL,
    retired_at     BIGINT,          -- when it stops signing as its line was switched off
    longest_token  BIGINT NOT NULL, -- the longest lifetime of a token made with it, in milliseconds
    revoked_at     BIGINT,
    origin         TEXT   NOT NULL,
    PRIMARY KEY (line, number)
);

-- Who has fetched the JWKS: at most 1000 rows, each forgotten 30 days after its last fetch.
CREATE TABLE jwks_fetchers (
    address_prefix TEXT   NOT NULL, -- a /24 or a /48, never a whole address; empty if not known
    user_agent     TEXT   NOT NULL, -- at most 255 characters; empty if it sends none
    last_fetch_at  BIGINT NOT NULL,
    etag           TEXT   NOT NULL, -- of the set it was given last
    PRIMARY KEY (address_prefix, user_agent)
);

CREATE TABLE audit_events (
    id         UUID   NOT NULL PRIMARY KEY, -- version 7: in order of time
    at         BIGINT NOT NULL,
    action     TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    request_id TEXT,
    client_id  TEXT,
    user_id    UUID,
    session_id UUID,
    detail     TEXT   NOT NULL -- JSON
);
CREATE INDEX audit_events_by_session ON audit_events (session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX audit_events_by_user ON audit_events (user_id, id) WHERE user_id IS NOT NULL;
