//! A Redis of the bench's own: on a free port, in a directory of its own, ended by its process id.

use crate::load::process::{Cores, Used, spawn, used};
use anyhow::{Context as _, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_WITHIN: Duration = Duration::from_secs(10);

/// See the module. Dropping it ends it.
pub struct Redis {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Redis {
    /// One that writes nothing down, on the core of what is tested.
    ///
    /// # Errors
    /// Where there is no `redis-server`, or it does not answer.
    pub fn start(cores: Cores) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let dir = std::env::temp_dir().join(format!("pulsewire-bench-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.arg("--dir").arg(&dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child =
            spawn(command, Some(cores)).context("redis-server cannot be started: install it (Debian: `apt-get install redis-server`)")?;
        let redis = Self { child, port, dir };
        let deadline = Instant::now() + START_WITHIN;
        while !redis.answers() {
            if Instant::now() > deadline {
                bail!("redis-server does not answer on port {port}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(redis)
    }

    /// Whether it is this process, and not somebody else's on the same port.
    fn answers(&self) -> bool {
        let ask = || -> Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.write_all(b"INFO server\r\nQUIT\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.contains(&format!("process_id:{}\r\n", self.child.id())))
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// What it has used.
    ///
    /// # Errors
    /// Where it ended.
    pub fn used(&self) -> Result<Used> {
        used(self.child.id())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Gone already, or gone now: there is nobody left to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
