//! One keep-alive connection.
use super::Request;
use anyhow::{Context, bail, ensure};
use std::{collections::VecDeque, net::SocketAddr, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub struct Connection {
    stream: TcpStream,
    request: Request,
    /// The last one, whole.
    pub answer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr, request: Request) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request, answer: Vec::with_capacity(8 * 1024) })
    }

    /// Sends again and again; what the request has become, and how often it was answered.
    pub async fn work(mut self, until: Instant) -> anyhow::Result<(Request, u32)> {
        let mut sent = 0;
        while Instant::now() < until {
            let head = self.exchange().await?;
            if let Some(chains) = &mut self.request.chains {
                follow(&mut self.request.bytes, chains, &self.answer[head..])?;
            }
            sent += 1;
        }
        Ok((self.request, sent))
    }

    /// Sends the request and reads the whole answer; the length of its head.
    pub async fn exchange(&mut self) -> anyhow::Result<usize> {
        self.stream.write_all(&self.request.bytes).await?;
        self.answer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the server hung up");
            let Some((head, length)) = head(&self.answer)? else { continue };
            if self.answer.len() >= head + length {
                return Ok(head);
            }
        }
    }
}

/// The lengths of head and body, once the head is there. Any status but 200 fails the run.
fn head(answer: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let (mut end, mut length) = (0, None);
    for line in answer.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        if line == b"\r\n" {
            let good = answer.starts_with(b"HTTP/1.1 200 ");
            ensure!(good, "not a 200: {}", String::from_utf8_lossy(answer));
            return Ok(Some((end, length.context("an answer without content-length")?)));
        }
        if let Some(value) = line.strip_prefix(b"content-length:") {
            length = Some(std::str::from_utf8(value)?.trim().parse()?);
        }
    }
    Ok(None)
}

/// Puts the token whose turn it is in the place of that at the end of the request. All of them are of
/// one length.
fn follow(request: &mut [u8], chains: &mut VecDeque<Vec<u8>>, body: &[u8]) -> anyhow::Result<()> {
    const MEMBER: &[u8] = b"\"refresh_token\":\"";
    let Some(at) = body.windows(MEMBER.len()).position(|window| window == MEMBER) else {
        bail!("an answer without a refresh token: {}", String::from_utf8_lossy(body));
    };
    let token = &body[at + MEMBER.len()..];
    let token = token.split(|&byte| byte == b'"').next().unwrap_or_default();
    chains.push_back(token.to_vec());
    let next = chains.pop_front().unwrap_or_default();
    let start = request.len() - next.len();
    ensure!(request[start - 1] == b'=', "refresh tokens of different lengths");
    request[start..].copy_from_slice(&next);
    Ok(())
}
