//! A program around its scenario.

use std::io::{self, Stdout, Write};
use std::process::ExitCode;

use proofload_record::Secrets;

use crate::messages::Messages;
use crate::out::Out;
use crate::{Code, Exit, Interrupt, LogArgs};

/// What a scenario has of the world around it.
pub struct Session {
    out: Out<Stdout>,
    interrupt: Interrupt,
    messages: Messages,
}

impl Session {
    /// Standard output. Its reader may go away (`head`): what is written then is dropped without an
    /// error, and the scenario goes on to its end.
    pub fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Whether somebody wants the program to end.
    #[must_use]
    pub const fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// From now on none of `secrets` shows in a warning, an error or the log. Standard output and
    /// files are not looked through: nothing that may hold a key is to be handed to them.
    pub fn protect(&self, secrets: &Secrets) {
        self.messages.protect(secrets);
    }

    /// Says a line on stderr.
    pub fn tell(&self, text: &str) {
        self.messages.say(text);
    }

    /// Says `warning: …` on stderr.
    pub fn warn(&self, text: &str) {
        self.tell(&format!("warning: {text}"));
    }

    /// Says what went wrong with one thing of several, so that the others can be done all the same.
    /// Gives the code with which the program is to end.
    pub fn failed(&self, error: &anyhow::Error) -> Code {
        self.messages.error(error);
        self.code_of(error)
    }

    /// What went wrong with standard output carries no code of its own.
    fn code_of(&self, error: &anyhow::Error) -> Code {
        match Code::of(error) {
            Code::Internal if self.out.has_failed() => Code::Unwritable,
            code => code,
        }
    }

    /// Warns that `flag` takes a key by its value.
    pub fn warn_of_visible_key(&self, flag: &str) {
        self.warn(&format!(
            "the key after {flag} can be seen by other users of this machine and stays in the \
             shell's history; --api-key-file and --api-key-env keep it out of both"
        ));
    }
}

/// Runs `scenario` and returns its exit code.
///
/// Before it: the log and the signals. After it: an error is printed with its causes, and decides
/// the code by the [`Exit`] in its chain. An interruption is no error and is only said.
pub fn run<A>(
    args: A,
    log: impl FnOnce(&A) -> &LogArgs,
    scenario: impl FnOnce(A, &mut Session) -> anyhow::Result<Code>,
) -> ExitCode {
    let messages = Messages::default();
    if let Err(error) = messages.take_log(log(&args).log.as_deref()) {
        messages.error(&Exit::usage(error).into());
        return Code::Usage.into();
    }
    let interrupt = Interrupt::default();
    let mut session = Session { out: Out::new(io::stdout()), interrupt, messages };
    if let Err(error) = session.interrupt.listen(session.messages.clone()) {
        session.warn(&format!("Ctrl-C will end the program at once: {error}"));
    }
    let ended = scenario(args, &mut session).and_then(|code| {
        session.out.flush()?;
        Ok(code)
    });
    let code = ended.unwrap_or_else(|error| {
        let code = session.code_of(&error);
        match code {
            Code::Interrupted => session.tell(&error.to_string()),
            _ => session.messages.error(&error),
        }
        code
    });
    code.into()
}
