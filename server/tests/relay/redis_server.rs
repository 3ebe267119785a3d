//! A Redis of the test's own: `redis-server` on a free port, in a directory of its own, ended by its process id.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What it writes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing: a restart is empty.
    Nothing,
    /// Everything, before it answers.
    Everything,
}

pub struct RedisServer {
    port: u16,
    dir: PathBuf,
    keeps: Keeps,
    /// Its other port, and what it is told beside.
    tls: Option<(u16, Vec<String>)>,
    child: Option<Child>,
}

impl RedisServer {
    pub fn start(keeps: Keeps) -> Self {
        Self::start_with(keeps, None)
    }

    /// One that speaks TLS on a port beside its plain one, with these settings.
    pub fn start_by_tls(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]);
        Self::start_with(Keeps::Nothing, Some(settings.collect()))
    }

    fn start_with(keeps: Keeps, tls: Option<Vec<String>>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("pulsewire-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        // A port that was free a moment ago may be taken: another try has another one.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let other = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let tls = tls.clone().map(|settings| (other, settings));
            let mut server = Self { port, dir: dir.clone(), keeps, tls, child: None };
            if server.try_start() {
                return server;
            }
        }
        panic!("redis-server does not start; its log: {}", std::fs::read_to_string(dir.join("log")).unwrap_or_default());
    }

    fn try_start(&mut self) -> bool {
        let appending = if self.keeps == Keeps::Everything { "yes" } else { "no" };
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendfsync", "always"])
            .args(["--appendonly", appending, "--dir"])
            .arg(&self.dir)
            .args(["--logfile", "log", "--daemonize", "no"])
            .args(self.tls.iter().flat_map(|(port, settings)| ["--tls-port".to_owned(), port.to_string()].into_iter().chain(settings.clone())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("redis-server cannot be started ({error}): install it (Debian: `apt-get install redis-server`), or run the tests by `cargo xtask test`, which does"));
        let pid = child.id();
        self.child = Some(child);
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
                self.child = None;
                return false;
            }
            if self.answers(pid) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Whether it is this process that answers, and not somebody else's on the same port.
    fn answers(&self, pid: u32) -> bool {
        self.try_ask("INFO server").is_some_and(|answer| answer.contains(&format!("process_id:{pid}\r\n")))
    }

    fn try_ask(&self, command: &str) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Runs a command, its words without quotes, and gives the answer as it came.
    pub fn ask(&self, command: &str) -> String {
        self.try_ask(command).unwrap_or_else(|| panic!("redis does not answer {command}"))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// For one that was started by [`Self::start_by_tls`].
    pub fn tls_url(&self) -> String {
        format!("rediss://127.0.0.1:{}/", self.tls.as_ref().unwrap().0)
    }

    /// Tells everybody who listens to that name something of any length.
    pub fn tell(&self, name: &str, message: &[u8]) {
        use std::io::{Read as _, Write as _};
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "*3\r\n$7\r\nPUBLISH\r\n${}\r\n{name}\r\n${}\r\n", name.len(), message.len()).unwrap();
        stream.write_all(message).unwrap();
        stream.write_all(b"\r\n").unwrap();
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[0], b':', "it takes it");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again on the same port, with what it kept.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it still runs");
        assert!(self.try_start(), "redis-server does not start again on port {}", self.port);
    }

    /// Throws away what it kept; it must not run.
    pub fn forget(&self) {
        assert!(self.child.is_none(), "it still runs");
        std::fs::remove_dir_all(&self.dir).unwrap();
        std::fs::create_dir_all(&self.dir).unwrap();
    }

    /// Stops it without a word to anybody: connections stay, nothing answers.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SIGKILL ends a paused one, too.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
