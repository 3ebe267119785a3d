//! Goes through a recording of the flight recorder again, with the same core: `cargo xtask replay FILE`.
//!
//! Prints the transitions and where they lead; ends with 1 where the end is not the recorded one.

#[cfg(not(target_family = "wasm"))]
mod recording;

/// The tests of the browser build every example.
#[cfg(target_family = "wasm")]
fn main() {}

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("replay: name the file that client.exportRecording() gave");
        return ExitCode::FAILURE;
    };
    let replayed = std::fs::read_to_string(&path).map_err(|error| error.to_string()).and_then(|text| recording::replay(&text));
    match replayed {
        Err(why) => {
            eprintln!("replay: {path}: {why}");
            ExitCode::FAILURE
        }
        Ok(replay) => {
            for line in &replay.lines {
                println!("{line}");
            }
            for note in &replay.notes {
                println!("note: {note}");
            }
            for difference in &replay.differences {
                println!("DIFFERS  {difference}");
            }
            let verdict = if replay.differences.is_empty() { "the same end" } else { "NOT the same end" };
            println!("{} inputs, {verdict}", replay.inputs);
            if replay.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}
