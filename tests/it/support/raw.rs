use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

/// A connection on which a test sends bytes as they are: for requests that no HTTP client would make.
pub struct Raw(TcpStream);

/// Longer than the service keeps any connection that does not get on.
const PATIENCE: Duration = Duration::from_secs(30);

impl Raw {
    pub fn to(url: &str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Sends all of the request at once and reads until the service closes the connection.
    #[track_caller]
    pub fn exchange(url: &str, request: impl AsRef<[u8]>) -> String {
        let mut connection = Self::to(url);
        connection.send(request);
        connection.read_to_end()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// False if the service has closed the connection.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
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

    /// What the service sends until its answer has as many bytes of body as it announced, or until it
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

    /// Everything until the service closes the connection. That it never does fails the test.
    #[track_caller]
    pub fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!("{error} after {:?}", String::from_utf8_lossy(&bytes))
            }
            _ => String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub fn local_address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse::<usize>().unwrap())
}
