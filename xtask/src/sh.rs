//! Runs programs: says what it runs, keeps the tool cache first on PATH, streams what the child prints.
//!
//! Own code over `std::process` instead of a crate: the one thing we need beyond `Command` is output that is shown as it
//! comes and read for its closing line, both streams in order, and `std::io::pipe` gives that in a few lines.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::project::Project;

/// Past this a child is taken to hang. Only where nobody watches: a person has Ctrl-C.
const CI_LIMIT_S: u32 = 25 * 60;
/// How long the output of a child that has ended is waited for, where something it started still holds it.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A program about to run.
pub(crate) struct Sh {
    command: Command,
    shown: String,
}

impl Sh {
    /// `program` in the repository's root, with the tool cache first on PATH and nothing on standard input.
    pub(crate) fn new(project: &Project, program: &str) -> Self {
        let mut command = match limited(program) {
            Some(command) => command,
            None => Command::new(program),
        };
        command.current_dir(&project.root).env("PATH", path_with_tools(project)).stdin(Stdio::null());
        // Of the variables that `cargo run` sets for us, these would be taken by build scripts and npm tools as theirs.
        for (name, _) in env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") || name_text == "CARGO_PRIMARY_PACKAGE" {
                command.env_remove(&name);
            }
        }
        if env::var_os("CARGO_TERM_COLOR").is_none() && std::io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        Self { command, shown: program.to_owned() }
    }

    /// `cargo`, the same one that runs us.
    pub(crate) fn cargo(project: &Project) -> Self {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut sh = Self::new(project, &cargo);
        "cargo".clone_into(&mut sh.shown);
        sh
    }

    /// `npm` in one of the repository's folders.
    pub(crate) fn npm(project: &Project, folder: &str) -> Self {
        let mut sh = Self::new(project, if cfg!(windows) { "npm.cmd" } else { "npm" });
        sh.command.current_dir(project.root.join(folder));
        sh.shown = format!("(cd {folder} &&) npm");
        // Its notices about funding and newer versions are not ours to show.
        sh.env("npm_config_fund", "false").env("npm_config_audit", "false").env("npm_config_update_notifier", "false")
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        let _ = write!(self.shown, " {}", arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        for arg in args {
            self = self.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// In another folder than the repository's root.
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self.shown = format!("(cd {} &&) {}", folder.display(), self.shown);
        self
    }

    /// Where the user stands: paths among their arguments are meant from there.
    pub(crate) fn where_the_user_is(mut self) -> Result<Self> {
        self.command.current_dir(env::current_dir().context("the current folder is gone")?);
        Ok(self)
    }

    /// Streams the output as it is.
    pub(crate) fn run(mut self) -> Result<()> {
        self.say();
        let status = self.command.status().with_context(|| format!("cannot run `{}`", self.shown))?;
        self.verdict(status)
    }

    /// Streams both outputs line by line and shows each line to `watch` as well.
    pub(crate) fn run_watched(mut self, mut watch: impl FnMut(&str)) -> Result<()> {
        self.say();
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        let second = writer.try_clone().context("cannot make a pipe")?;
        self.command.stdout(writer).stderr(second);
        let mut child = self.command.spawn().with_context(|| format!("cannot run `{}`", self.shown))?;
        // The command holds the pipe's writing ends: without this the reading below would never end.
        self.command.stdout(Stdio::null()).stderr(Stdio::null());

        let (lines, read) = mpsc::channel();
        std::thread::spawn(move || {
            // Ends with the pipe, or with the receiver.
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let mut out = std::io::stdout().lock();
        let mut ended: Option<Instant> = None;
        loop {
            match read.recv_timeout(LOOK_EVERY) {
                Ok(mut line) => {
                    watch(String::from_utf8_lossy(&line).trim_end());
                    line.push(b'\n');
                    // A reader that has gone away (`| head`) must not kill the child half-way.
                    let _ = out.write_all(&line).and_then(|()| out.flush());
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => match ended {
                    Some(since) if since.elapsed() > LEFT_BEHIND_AFTER => {
                        println!("(a process that `{}` started is still running and holds its output: not waiting for it)", self.shown);
                        break;
                    }
                    Some(_) => {}
                    None if child.try_wait().is_ok_and(|status| status.is_some()) => ended = Some(Instant::now()),
                    None => {}
                },
            }
        }
        drop(out);
        let status = child.wait().with_context(|| format!("cannot wait for `{}`", self.shown))?;
        self.verdict(status)
    }

    /// What it prints, or nothing where it is missing or fails: for questions such as `--version`.
    pub(crate) fn ask(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts it and does not wait: what it prints on standard output is left out, its errors are shown.
    pub(crate) fn start_beside(mut self) -> Result<()> {
        self.say();
        self.command.stdout(Stdio::null()).spawn().with_context(|| format!("cannot run `{}`", self.shown))?;
        Ok(())
    }

    /// Makes this process the program (where the system can), so that signals reach it and nothing is left behind.
    pub(crate) fn become_it(mut self) -> Result<std::process::ExitCode> {
        self.say();
        self.command.stdin(Stdio::inherit());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            let error = self.command.exec();
            Err(error).with_context(|| format!("cannot run `{}`", self.shown))
        }
        #[cfg(not(unix))]
        {
            let status = self.command.status().with_context(|| format!("cannot run `{}`", self.shown))?;
            Ok(if status.success() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
        }
    }

    fn say(&self) {
        println!("$ {}", self.shown);
        // Before the child's own lines, also where our output goes to a file.
        let _ = std::io::stdout().flush();
    }

    fn verdict(&self, status: std::process::ExitStatus) -> Result<()> {
        match status.code() {
            Some(0) => Ok(()),
            Some(124) if limit_applies() => bail!("`{}` was ended after {} minutes", self.shown, CI_LIMIT_S / 60),
            Some(code) => bail!("`{}` failed (exit code {code})", self.shown),
            None => bail!("`{}` was ended by a signal", self.shown),
        }
    }
}

fn limit_applies() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true") && Path::new("/usr/bin/timeout").exists()
}

/// In CI a hanging suite must not eat the time of the others, nor end without a word.
fn limited(program: &str) -> Option<Command> {
    limit_applies().then(|| {
        let mut command = Command::new("/usr/bin/timeout");
        command.arg("--kill-after=20").arg(CI_LIMIT_S.to_string()).arg(program);
        command
    })
}

fn path_with_tools(project: &Project) -> OsString {
    let old = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(project.tools_bin()).chain(env::split_paths(&old));
    // Fails only where a folder's name holds the separator: then the old PATH is still the better one.
    env::join_paths(folders).unwrap_or(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Sh {
        Sh::new(&Project::find().unwrap(), "sh").args(["-c", script])
    }

    #[test]
    fn both_outputs_are_shown_in_order_and_a_last_line_without_end_counts() {
        let mut lines = Vec::new();
        sh("echo one; echo two >&2; printf three").run_watched(|line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_failure_names_the_command_and_its_exit_code() {
        let error = sh("exit 3").run_watched(|_| {}).unwrap_err().to_string();
        assert!(error.contains("exit 3") && error.contains("exit code 3"), "{error}");
        let error = Sh::new(&Project::find().unwrap(), "no-such-program-anywhere").run_watched(|_| {}).unwrap_err();
        // Under CI's limit it is `timeout` that cannot find it: another text, the same verdict.
        assert!(error.to_string().contains("no-such-program-anywhere"), "{error}");
    }

    #[test]
    fn a_process_left_behind_does_not_hold_up_the_suite() {
        let start = Instant::now();
        sh("sleep 20 & echo done").run_watched(|_| {}).unwrap();
        assert!(start.elapsed() < Duration::from_secs(15));
    }
}
