//! `demo`: from nothing to a live ward in the browser; and the pictures of it for the documents.
//!
//! The relay takes this process's place (`exec`), so Ctrl-C and SIGTERM reach it. Beside it runs the worker of `examples/worker-node`, for the
//! reports that the page asks for; it ends with its parent, so nothing stays behind.

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::browsers;
use crate::build;
use crate::project::Project;
use crate::sh::Sh;
use crate::tools;

const ADDRESS: &str = "127.0.0.1:8080";
/// Longer than anybody leaves a demo open, as long as `/dev/token` gives at most.
const WORKER_TTL: &str = "30d";
/// Enough beds for a ward that looks alive, few enough for a laptop's fan.
const SIMULATED_DEVICES: &str = "8";
/// Short beats, so that a visitor who makes the connection "go silent", or stops its heartbeats, sees it heal while watching. A user's own win.
/// And no line per event, or the address would be gone from the terminal in a second.
const SETTINGS: [(&str, &str); 4] = [
    ("PULSEWIRE_HEARTBEAT__INTERVAL_MS", "5000"),
    ("PULSEWIRE_HEARTBEAT__CLIENT_TIMEOUT_MS", "12000"),
    ("PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS", "15000"),
    ("PULSEWIRE_LOG", "info,pulsewire_relay::events=warn"),
];

pub(crate) fn run(project: &Project, relay_args: &[String]) -> Result<ExitCode> {
    let plan = plan(relay_args);
    // Before minutes of building, not after.
    check_port(&plan.listen)?;
    build::run(project, build::Part::All)?;
    check_port(&plan.listen)?;

    let relay = project.relay_binary();
    let relay = relay.to_str().with_context(|| format!("{} is no UTF-8", relay.display()))?;
    println!();
    if plan.listen.ends_with(":0") {
        println!("The ward comes to life at the address below. Ctrl-C ends it.");
    } else {
        println!("The ward comes to life at http://{} — open it in a browser. Ctrl-C ends it.", plan.listen);
    }
    println!();
    start_worker(project, relay, &plan.listen)?;
    let mut start = Sh::new(project, relay).args(["--dev", "--www"]).arg(project.www_build()).args(plan.args).where_the_user_is()?;
    for (name, value) in SETTINGS.into_iter().filter(|(name, _)| env::var_os(name).is_none()) {
        start = start.env(name, value);
    }
    start.become_it()
}

/// The worker does its part over HTTP alone, with a token of the demo's secret, and asks again until the relay is there.
fn start_worker(project: &Project, relay: &str, listen: &str) -> Result<()> {
    if listen.ends_with(":0") {
        println!("(no worker for reports: it would have to know the port)");
        return Ok(());
    }
    let token = Sh::new(project, relay)
        .args(["token", "--dev", "--sub", "worker", "--tenant", "demo", "--role", "service", "--ttl", WORKER_TTL])
        .ask()
        .context("the relay gives no token for the worker")?;
    Sh::new(project, "node")
        .arg("examples/worker-node/worker.mjs")
        .env("PULSEWIRE_URL", format!("http://{listen}"))
        .env("PULSEWIRE_TOKEN", token)
        .env("STOP_WITH_PARENT", "1")
        .start_beside()
}

/// What the relay is told beyond `--dev --www`.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    listen: String,
    args: Vec<String>,
}

fn plan(relay_args: &[String]) -> Plan {
    let value = |flag: &str| {
        let assigned = format!("{flag}=");
        relay_args.iter().enumerate().find_map(|(at, arg)| {
            arg.strip_prefix(&assigned).map(str::to_owned).or_else(|| if arg == flag { relay_args.get(at + 1).cloned() } else { None })
        })
    };
    let mut args = Vec::new();
    let listen = value("--listen").unwrap_or_else(|| {
        args.extend(["--listen".to_owned(), ADDRESS.to_owned()]);
        ADDRESS.to_owned()
    });
    // A page without a single value shows nothing: somebody has to speak.
    if value("--replay").is_none() && value("--simulate").is_none() {
        args.extend(["--simulate".to_owned(), SIMULATED_DEVICES.to_owned()]);
    }
    args.extend(relay_args.iter().cloned());
    Plan { listen, args }
}

fn check_port(address: &str) -> Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => bail!(
            "{address} is taken, perhaps by another demo: stop that program, or choose another port with \
             `cargo xtask demo -- --listen 127.0.0.1:8081`"
        ),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

pub(crate) fn screenshots(project: &Project) -> Result<()> {
    let browser = browsers::chromium(project)?;
    build::run(project, build::Part::All)?;
    tools::npm_packages(project, "tests/e2e")?;
    Sh::npm(project, "tests/e2e")
        .args(["run", "screenshots"])
        .env("PULSEWIRE_RELAY_BIN", project.relay_binary())
        .env("PULSEWIRE_WWW_DIR", project.www_build())
        .env("PULSEWIRE_CHROMIUM", browser.chromium)
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(args: &[&str]) -> Plan {
        plan(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_bare_demo_listens_on_8080_and_simulates_a_ward() {
        let plan = plan_of(&[]);
        assert_eq!(plan.listen, "127.0.0.1:8080");
        assert_eq!(plan.args, ["--listen", "127.0.0.1:8080", "--simulate", "8"]);
    }

    #[test]
    fn a_replay_takes_the_place_of_the_simulation() {
        assert_eq!(plan_of(&["--replay", "ward.csv"]).args, ["--listen", "127.0.0.1:8080", "--replay", "ward.csv"]);
        assert_eq!(plan_of(&["--replay=ward.csv"]).args, ["--listen", "127.0.0.1:8080", "--replay=ward.csv"]);
    }

    #[test]
    fn an_own_address_is_the_one_that_is_checked_and_used() {
        let plan = plan_of(&["--listen", "127.0.0.1:0", "--simulate", "2"]);
        assert_eq!(
            plan,
            Plan { listen: "127.0.0.1:0".to_owned(), args: ["--listen", "127.0.0.1:0", "--simulate", "2"].map(str::to_owned).to_vec() }
        );
        assert_eq!(plan_of(&["--listen=127.0.0.1:9000"]).listen, "127.0.0.1:9000");
    }

    #[test]
    fn a_taken_port_is_told_with_its_mend() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = holder.local_addr().unwrap().to_string();
        let error = check_port(&address).unwrap_err().to_string();
        assert!(error.contains("is taken") && error.contains("--listen"), "{error}");
    }
}
