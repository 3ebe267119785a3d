"""Starts a relay and lets schemathesis fuzz its HTTP API from its own OpenAPI document; see README.md."""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

HERE = pathlib.Path(__file__).resolve().parent
SECRET = "api-fuzz-secret-api-fuzz-secret-api-fuzz-secret"


class Relay:
    """A relay of our own on a free port, with a store on the disk."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.env = {
            # A relay refuses settings that it does not know, and ours are none of its own.
            **{name: value for name, value in os.environ.items() if not name.startswith("PULSEWIRE_")},
            "PULSEWIRE_JWT_SECRET": SECRET,
            "PULSEWIRE_LOG": "info",
            "PULSEWIRE_DATA_DIR": str(folder / "data"),
            # A body that is announced and never comes holds a worker of the fuzzer up.
            "PULSEWIRE_LIMITS__BODY_TIMEOUT_MS": "2000",
            # Thousands of refused tokens from one address are the test, not an attack.
            "PULSEWIRE_LIMITS__FAILED_TOKENS_PER_SECOND": "100000",
            "PULSEWIRE_LIMITS__FAILED_TOKEN_BURST": "1000000",
        }
        (folder / "data").mkdir()
        self.log = folder / "relay.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [binary, "serve", "--listen", "127.0.0.1:0", "--log", "json"], env=self.env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = self.process.stdout.readline()
        found = re.match(r"listening on (http://\S+)", line)
        if not found:
            raise SystemExit(f"the relay did not start: {line!r}\n{self.log.read_text()}")
        self.url = found[1]

    def token(self):
        """Of an administrator: gets past 401 and 403 at every route. Rights are the business of server/tests."""
        command = [self.binary, "token", "--sub", "fuzz", "--tenant", "fuzz", "--role", "admin", "--subscribe", "*", "--publish", "*"]
        command += ["--no-viewer", "--ttl", "30days"]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self):
        """Its exit code, after a drain."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def fuzz(relay, token, folder):
    examples = os.environ.get("PULSEWIRE_API_FUZZ_EXAMPLES") or "10"
    seed = os.environ.get("PULSEWIRE_API_FUZZ_SEED") or "1"
    only = os.environ.get("PULSEWIRE_API_FUZZ_ONLY")
    report = folder / "report.xml"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run", f"{relay.url}/openapi.json"]
    command += ["--max-examples", examples, "--seed", seed, "--header", f"Authorization: Bearer {token}"]
    command += ["--report", "junit", "--report-junit-path", str(report), "--no-color", "--suppress-health-check", "all"]
    if only:
        command += ["--include-path", only]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    code = subprocess.run(command, cwd=folder, env=env).returncode
    print(f"seed {seed}, {examples} random requests of each operation")
    return code, report


def counted(report):
    """Operations that passed and failed, by the runner's own report."""
    passed = failed = 0
    for case in tree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is None:
            passed += 1
    return passed, failed


def wrong_with_log(text, token):
    """What must not stand in the relay's log."""
    wrong = [f"a panic: {line[:500]}" for line in text.splitlines() if "panicked" in line]
    if token in text or SECRET in text:
        wrong.append("a token or the secret stands in the log")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay-bin", default=os.environ.get("PULSEWIRE_RELAY_BIN"))
    binary = parser.parse_args().relay_bin
    if not binary:
        raise SystemExit("say which relay: --relay-bin target/debug/pulsewire-relay")
    with tempfile.TemporaryDirectory(prefix="pulsewire-api-fuzz-") as folder:
        folder = pathlib.Path(folder)
        relay = Relay(str(pathlib.Path(binary).resolve()), folder)
        try:
            token = relay.token()
            code, report = fuzz(relay, token, folder)
            alive = relay.process.poll() is None
        finally:
            ended = relay.stop()
        if not report.exists():
            raise SystemExit(f"schemathesis ended with {code} and without a report")
        passed, failed = counted(report)
        wrong = wrong_with_log(relay.log.read_text(), token)
        if not alive or ended != 0:
            wrong.append(f"the relay ended {'with' if alive else 'in the middle, with'} code {ended}")
        for what in wrong:
            print(f"FAILED: {what}")
        failed = max(failed, int(code != 0)) + len(wrong)
        print(f"api-fuzz: {passed} passed, {failed} failed")
        sys.exit(0 if failed == 0 and passed > 0 else 1)


if __name__ == "__main__":
    main()
