//! `mintmark client create`
use super::{add_secret, duration, record, show_secret};
use crate::{
    cli::settings::Common,
    model::{Algorithm, ClientId, ClientMetadata, ClientType, Scope, TokenType},
    oauth::GrantType,
};
use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Create {
    /// Its identifier; made up if it is not given.
    #[arg(long)]
    id: Option<ClientId>,
    /// For people to recognise it by.
    #[arg(long)]
    name: Option<String>,
    /// A grant type it may use; can be repeated. A resource server that only introspects needs none.
    #[arg(long = "grant", value_name = "GRANT", value_parser = grant_type,
          required_unless_present = "introspects")]
    grants: Vec<GrantType>,
    /// It cannot keep a secret: a browser, mobile or command-line app.
    #[arg(long)]
    public: bool,
    /// An address it may have people sent back to; can be repeated.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// A scope it may have; can be repeated, or hold several with blanks between.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// A resource server its tokens may be for, as an absolute URI; can be repeated.
    #[arg(long = "audience", value_name = "URI")]
    audience: Vec<String>,
    /// A resource server that it is, as an absolute URI: it may introspect tokens that are for that one;
    /// can be repeated.
    #[arg(long = "introspect", value_name = "URI")]
    introspects: Vec<String>,
    /// The algorithm of its access tokens; it has to be in `keys.algorithms` of the service.
    #[arg(long, value_parser = algorithm())]
    alg: Option<Algorithm>,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    validity: Validity,
    #[command(flatten)]
    common: Common,
}

/// Settings of its own, where the service's do not fit.
#[derive(Debug, clap::Args)]
struct Overrides {
    /// How long a spent refresh token of a public client still gets its successor: 0s is never.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    retry_window: Option<Duration>,
    /// End a session that is not used for so long; shorter than the service's setting.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    idle_lifetime: Option<Duration>,
    /// End a session so long after its login; shorter than the service's setting.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    absolute_lifetime: Option<Duration>,
    /// How many live sessions a user may have with it; the oldest ends first.
    #[arg(long, value_name = "NUMBER")]
    session_limit: Option<u32>,
    /// Keep a refresh token valid until its session ends, instead of rotating it at each use.
    #[arg(long)]
    no_rotation: bool,
    /// Write `JWT` into the `typ` of its access tokens, for resource servers that refuse `at+jwt`.
    #[arg(long)]
    typ_jwt: bool,
    /// Give each session a bit in a status list, which tells resource servers when it has ended.
    #[arg(long)]
    status_list: bool,
}

/// What becomes of its tokens before they expire, and of what is told of others'.
#[derive(Debug, clap::Args)]
struct Validity {
    /// Make the access tokens of a session invalid here once those of a later refresh are used.
    #[arg(long)]
    newest_pair_only: bool,
    /// End the session when one of its access tokens is revoked, instead of denying that token alone.
    #[arg(long)]
    revoke_ends_session: bool,
    /// The algorithm of introspection answers that it wants signed; RS256 unless given.
    #[arg(long, value_parser = algorithm())]
    introspection_alg: Option<Algorithm>,
}

fn grant_type(name: &str) -> Result<GrantType, String> {
    GrantType::parse(name).map_err(|_| {
        let known: Vec<_> = GrantType::ALL.iter().map(|grant| grant.as_str()).collect();
        format!("there is no such grant; there are {}", known.join(", "))
    })
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    let names = Algorithm::ALL.iter().map(|alg| alg.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Algorithm>())
}

impl Create {
    pub async fn run(self) -> anyhow::Result<()> {
        let (store, clock) = self.common.location.store().await?;
        let now = clock.now();
        let id = match &self.id {
            Some(id) => id.clone(),
            None => uuid::Uuid::new_v4().to_string().parse()?,
        };
        let json = self.common.json;
        let metadata = self.metadata();
        metadata.check()?;
        let mut conn = store.write().await?;
        if !conn.insert_client(&id, &metadata, now).await? {
            bail!("there is a client {id} already; delete it first, or choose another --id");
        }
        let secret = match metadata.client_type {
            ClientType::Public => None,
            ClientType::Confidential => Some(add_secret(&mut conn, &id, now, now).await?),
        };
        record(&mut conn, "client.created", &id, now).await?;
        conn.commit().await?;
        show_secret(&id, secret.as_ref(), json)
    }

    fn metadata(self) -> ClientMetadata {
        let client_type = if self.public { ClientType::Public } else { ClientType::Confidential };
        let grants = self.grants.iter().map(|grant| grant.as_str().to_owned()).collect();
        let Overrides { retry_window, idle_lifetime, absolute_lifetime, session_limit, .. } =
            self.overrides;
        let typ = if self.overrides.typ_jwt { TokenType::Jwt } else { TokenType::AtJwt };
        let tokens = self.scopes.iter().flat_map(Scope::tokens).map(str::to_owned);
        ClientMetadata {
            client_name: self.name,
            redirect_uris: self.redirect_uris,
            scope: tokens.collect(),
            audience: self.audience,
            access_token_alg: self.alg,
            access_token_typ: typ,
            rotate_refresh_tokens: !self.overrides.no_rotation,
            retry_window,
            idle_lifetime,
            absolute_lifetime,
            session_limit,
            newest_pair_only: self.validity.newest_pair_only,
            revoke_ends_session: self.validity.revoke_ends_session,
            introspects: self.introspects,
            introspection_signed_response_alg: self.validity.introspection_alg,
            status_list: self.overrides.status_list,
            ..ClientMetadata::new(client_type, grants)
        }
    }
}
