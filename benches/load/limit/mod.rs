//! The limits: actix-web handlers that give Mintmark's answers and do nothing beside. They look nothing
//! up, check no secret, log nothing and keep nothing.
mod token;
mod verify;

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::{HeaderName, HeaderValue},
    web::{self, Bytes, Data},
};
use std::{io::Read, path::Path};
use token::{Keys, es256, rs256};
use verify::{PublicKeys, verified};

/// What the JWKS handler answers.
#[derive(Clone)]
struct Jwks {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// Serves until stdin ends, which it does when the parent is gone. The address is the first line of
/// stdout.
pub fn serve(answer: &Path) -> anyhow::Result<()> {
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    let (keys, jwks) = (Data::new(Keys::generate()?), Data::new(Jwks::read(answer)?));
    let public = Data::new(PublicKeys::read(&jwks.body)?);
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(keys.clone())
                .app_data(jwks.clone())
                .app_data(public.clone())
                .route("/es256", web::post().to(es256))
                .route("/rs256", web::post().to(rs256))
                .route("/verify", web::post().to(verified))
                .route("/jwks", web::get().to(published))
        })
        .bind("127.0.0.1:0")?;
        println!("{}", server.addrs()[0]);
        server.run().await
    })?;
    Ok(())
}

async fn published(jwks: Data<Jwks>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in &jwks.headers {
        response.insert_header((name.clone(), value.clone()));
    }
    response.body(jwks.body.clone())
}

impl Jwks {
    /// Takes the answer's headers as they are, but those that every server makes itself.
    fn read(answer: &Path) -> anyhow::Result<Self> {
        let answer = std::fs::read_to_string(answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        let own = headers.filter(|(name, _)| !["content-length", "date"].contains(name));
        let headers = own.map(|(name, value)| anyhow::Ok((name.parse()?, value.parse()?)));
        Ok(Self { headers: headers.collect::<Result<_, _>>()?, body: Bytes::from(body.to_owned()) })
    }
}
