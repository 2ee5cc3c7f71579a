use super::{Answer, Database, Process, kid_of, part_of, run};
use mintmark::{clock::Clock, keys::MasterKeys};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Processes that share a database, a master key and one issuer, as replicas do.
pub struct Fleet {
    pub database: Database,
    config: PathBuf,
    /// Credentials, as `dev --json` prints them.
    admin: Value,
    announce_for: i64,
}

/// Longer than any process takes to learn of a key, however busy the machine is.
const SOON: Duration = Duration::from_secs(20);

impl Fleet {
    /// The schedule is as fast as the settings' check lets it be with keys that are announced for so
    /// many milliseconds.
    pub fn new(database: Database, announce_for: i64) -> Self {
        let key = database.dir.path().join("master.key");
        MasterKeys::create_file(&key).unwrap();
        let text = format!(
            "issuer = \"https://mint.example\"\nlisten = \"127.0.0.1:0\"\n\
             database.url = \"{}\"\nmaster_key.file = \"{}\"\n\
             tokens.access_token_lifetime = \"1s\"\n\
             [keys]\nalgorithms = [\"ES256\"]\nannounce_for = \"{announce_for}ms\"\n\
             rotate_every = \"{}ms\"\njwks_max_age = \"0s\"\nleeway = \"250ms\"\n\
             poll_interval = \"100ms\"\n",
            database.url,
            key.display(),
            announce_for * 2,
        );
        let config = database.dir.path().join("mintmark.toml");
        std::fs::write(&config, text).unwrap();
        let create = ["client", "create", "--id", "admin", "--grant", "client_credentials"];
        let more = ["--scope", "mintmark:admin", "--json", "--database", &database.url];
        let admin = run(&[&create[..], &more].concat()).expect(0).json();
        Self { database, config, admin, announce_for }
    }

    pub fn start(&self) -> Process {
        let mut process = Process::serve(&self.config);
        process.dev["admin"] = self.admin.clone();
        process
    }

    /// A token that `one` signs now is good at `other`, which publishes its key: by now if it was
    /// announced for its full time, and soon if it was not.
    pub async fn assert_known(&self, one: &Process, other: &Process) {
        let (token, published) = self.accepted(one, other).await;
        let kid = kid_of(&token);
        if published.contains(&kid) {
            return;
        }
        let announced = format!("SELECT activates_at - published_at FROM keys WHERE kid = '{kid}'");
        let announced = self.database.number(&announced).await;
        assert!(announced < self.announce_for, "{kid} was announced, and {published:?} lacks it");
        let learned = async {
            while !other.published().await.contains(&kid) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, learned).await.expect("it learns of the key");
    }

    /// A token of `one` that `other` has accepted, and the kids that `other` published before that.
    async fn accepted(&self, one: &Process, other: &Process) -> (String, Vec<String>) {
        loop {
            let token = Answer::to(one.admin_token()).await.expect(200).access_token().to_owned();
            let published = other.published().await;
            let url = format!("{}/admin/v1/keys", other.issuer());
            let answer = Answer::to(other.http.get(url).bearer_auth(&token)).await;
            if answer.status == 200 {
                assert_eq!(active(&answer.json), 1, "one key signs: {answer:?}");
                return (token, published);
            }
            assert!(has_expired(&token), "{answer:?}");
        }
    }

    /// The kid and number of the key that comes next in the line after a rotation, if the process
    /// answered and the line was not full.
    pub async fn rotate(process: &Process, mode: &str) -> Option<(String, i64)> {
        loop {
            let token = Answer::unless_broken(process.admin_token()).await?.expect(200);
            let token = token.access_token();
            let url = format!("{}/admin/v1/keys/rotate", process.issuer());
            let request = process.http.post(url).bearer_auth(token).json(&json!({ "mode": mode }));
            let answer = Answer::unless_broken(request).await?;
            match answer.status {
                200 => {
                    let key = &answer.json["keys"][0];
                    return Some((key["kid"].as_str()?.to_owned(), key["number"].as_i64()?));
                }
                401 if has_expired(token) => {}
                409 => return None,
                _ => panic!("{answer:?}"),
            }
        }
    }

    /// The line is numbered without gaps and doubles, holds what was acknowledged, has what it needs to
    /// sign, and every key has its entry in the audit log. How many keys there are.
    pub async fn assert_sound(&self, acknowledged: &[(String, i64)]) -> usize {
        let (rows, audited) = (self.database.keys().await, self.audited().await);
        let rows: Vec<_> = rows.iter().filter(|row| row[0] == "ES256").collect();
        for (row, expected) in rows.iter().zip(1_i64..) {
            let [number, published_at, activates_at] =
                [1, 5, 6].map(|column| row[column].parse::<i64>().unwrap());
            assert_eq!(number, expected);
            // Each process may have had a hand in a key that signed before its time.
            let entries = audited.get(&number).copied().unwrap_or(0);
            let early = activates_at < published_at + self.announce_for;
            assert!(entries == 1 || (early && (1..=3).contains(&entries)), "{entries} of {row:?}");
        }
        assert_eq!(audited.len(), rows.len(), "nothing is audited that did not happen");
        for (kid, number) in acknowledged {
            let row = rows.get(usize::try_from(number - 1).unwrap());
            assert!(row.is_some_and(|row| row[2] == *kid), "{kid} was acknowledged as {number}");
        }
        let may_sign = rows.last().unwrap();
        assert_ne!(may_sign[4], "none", "it has no private half");
        rows.len()
    }

    /// How many entries the audit log has of each key, by number.
    async fn audited(&self) -> BTreeMap<i64, usize> {
        let details = "SELECT detail FROM audit_events WHERE detail LIKE '%ES256%'";
        let mut counts = BTreeMap::new();
        for detail in self.database.texts(details).await {
            let detail: Value = serde_json::from_str(&detail).unwrap();
            *counts.entry(detail["number"].as_i64().unwrap()).or_default() += 1;
        }
        counts
    }
}

fn active(list: &Value) -> usize {
    list["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "active").count()
}

fn has_expired(token: &str) -> bool {
    part_of(token, 1)["exp"].as_i64().unwrap() <= Clock::System.now().seconds()
}
