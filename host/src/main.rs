//! Bursar: lets an AI agent rent GPU machines inside limits that its owner set and the agent cannot move.

fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build();
    match runtime {
        Ok(runtime) => runtime.block_on(bursar::run()),
        Err(error) => {
            eprintln!(
                "failed: the runtime could not be started: {error}\n  hint: check the limits of this user (ulimit -a)"
            );
            std::process::ExitCode::FAILURE
        }
    }
}
