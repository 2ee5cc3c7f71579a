use super::Server;
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// A connection on which a test sends bytes as they are: for requests that no HTTP client would make.
pub struct Raw(TcpStream);

/// More than any answer here takes.
const PATIENCE: Duration = Duration::from_secs(20);

impl Raw {
    pub fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// False if the server has closed the connection.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// The head of a form to be posted by `service`, with more header lines if any.
    pub fn send_head(&mut self, path: &str, lines: &str) {
        let basic = super::basic("service", super::SECRET);
        self.send(format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {basic}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n{lines}\r\n"
        ));
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// What the server sends until its answer has as many bytes of body as it announced, or until it
    /// closes the connection.
    pub fn answer(&mut self) -> String {
        let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
        while !is_whole(&all) {
            match self.0.read(&mut chunk) {
                Ok(read) if read > 0 => all.extend_from_slice(&chunk[..read]),
                _ => break,
            }
        }
        String::from_utf8(all).unwrap()
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse::<usize>().unwrap())
}
