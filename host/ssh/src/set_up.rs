//! Makes a machine ready: starts the host's own script there, detached, and tells how far it is. Called again it goes on,
//! after a restart of either side. The script beside this file does the work; this module never waits for it.

use crate::clean::{bound, clean, clean_line};
use crate::error::SshError;
use crate::gather::fold;
use crate::job::LIB;
use crate::script::quote;
use crate::{Ssh, Target};

const SCRIPT: &str = include_str!("set_up.sh");
const ASK: &str = include_str!("set_up_ask.sh");

/// What is wanted of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetUp {
    /// Whether it was rented with a GPU.
    pub gpu: bool,
}

/// How far the set-up is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetUpState {
    Running {
        step: String,
        log_tail: String,
    },
    /// It asked for a restart that has not come yet. While the machine is down, asking fails with `Unreachable`.
    Rebooting,
    /// Finished. `missing` names what is not essential and could not be had.
    Done {
        gpu: Gpu,
        missing: Vec<String>,
    },
    Failed {
        step: String,
        log_tail: String,
    },
}

/// Whether the GPU can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gpu {
    /// The machine was rented without one.
    NotAsked,
    /// What `nvidia-smi` says: name, memory and driver of each.
    Working {
        text: String,
    },
    NotWorking {
        why: String,
    },
}

impl Ssh {
    /// Starts the set-up where it neither runs nor has ended, and returns how it is.
    pub async fn set_up(&self, at: &Target, ask: &SetUp) -> Result<SetUpState, SshError> {
        let gpu = if ask.gpu { "yes" } else { "no" };
        let script = format!("{LIB}\ngpu={gpu}\nset_up={}\nlib={}\n{ASK}", quote(SCRIPT), quote(LIB));
        let answer = self.ask(at, "setting up", &script, 60).await?.succeeded("setting up")?;
        let text = clean(&fold(&answer.stdout));
        read(&text, ask.gpu).ok_or_else(|| SshError::Machine {
            doing: "setting up",
            why: format!("it answered `{}`", clean_line(text.as_bytes(), 200)),
        })
    }
}

fn read(text: &str, gpu_asked: bool) -> Option<SetUpState> {
    let (state, rest) = text.strip_prefix("state ")?.split_once('\n')?;
    let (step, rest) = rest.strip_prefix("step ")?.split_once('\n')?;
    let (missing, rest) = rest.strip_prefix("missing ")?.split_once('\n').unwrap_or((rest, ""));
    let step = clean_line(step.as_bytes(), 200);
    let log_tail = || bound(rest.strip_prefix("log\n").unwrap_or(rest), 4_096);
    Some(match state.split_once(' ').map_or((state, ""), |(state, why)| (state, why)) {
        ("running", _) => SetUpState::Running { step, log_tail: log_tail() },
        ("rebooting", _) => SetUpState::Rebooting,
        ("done", _) => SetUpState::Done { gpu: gpu(rest, gpu_asked)?, missing: words(missing) },
        ("failed", why) => {
            SetUpState::Failed { step: format!("{step}: {}", clean_line(why.as_bytes(), 200)), log_tail: log_tail() }
        }
        _ => return None,
    })
}

fn gpu(text: &str, asked: bool) -> Option<Gpu> {
    if !asked {
        return Some(Gpu::NotAsked);
    }
    let (word, said) = text.split_once('\n').unwrap_or((text, ""));
    let said = bound(said.trim_end(), 2_048);
    match word {
        "gpu works" => Some(Gpu::Working { text: said }),
        "gpu fails" => Some(Gpu::NotWorking { why: if said.is_empty() { "nvidia-smi fails".into() } else { said } }),
        _ => None,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().take(20).map(|word| clean_line(word.as_bytes(), 60)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_of_the_script_is_one_state() {
        let running = SetUpState::Running { step: "installing uv".into(), log_tail: "a\nb\n".into() };
        let failed =
            SetUpState::Failed { step: "installing tools: could not install tmux".into(), log_tail: "E: no\n".into() };
        let works = Gpu::Working { text: "NVIDIA A40, 46068 MiB, 580.1".into() };
        let broken = Gpu::NotWorking { why: "sh: nvidia-smi: not found".into() };
        let cases = [
            ("state running\nstep installing uv\nmissing \nlog\na\nb\n", false, Some(running)),
            ("state rebooting\nstep x\nmissing \nlog\n", true, Some(SetUpState::Rebooting)),
            (
                "state done\nstep x\nmissing uv \n",
                false,
                Some(SetUpState::Done { gpu: Gpu::NotAsked, missing: vec!["uv".into()] }),
            ),
            (
                "state done\nstep x\nmissing \ngpu works\nNVIDIA A40, 46068 MiB, 580.1\n",
                true,
                Some(SetUpState::Done { gpu: works, missing: vec![] }),
            ),
            (
                "state done\nstep x\nmissing \ngpu fails\nsh: nvidia-smi: not found\n",
                true,
                Some(SetUpState::Done { gpu: broken, missing: vec![] }),
            ),
            ("state failed could not install tmux\nstep installing tools\nmissing \nlog\nE: no\n", false, Some(failed)),
            ("state done\nstep x\nmissing \n", true, None),
            ("something else\n", false, None),
        ];
        for (text, gpu, expected) in cases {
            assert_eq!(read(text, gpu), expected, "{text:?}");
        }
    }
}
