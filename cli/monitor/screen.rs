//! The terminal as a screen of its own.
//!
//! Enters: lines. Leaves: the terminal, drawn. Laws: the screen that was there before is back when the command ends, also when an
//! interrupt, a hangup or a request to end ends it, and while it is stopped; a frame is written at once.

use std::{
    io::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};

use console::Term;

use super::frame::FrameSize;

/// Switches to the alternate screen (xterm control sequences, private mode 1049) and hides the cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";

/// Shows the cursor and switches back.
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// Columns and rows if the terminal does not tell.
const DEFAULT_SIZE: (u16, u16) = (24, 80);

/// The alternate screen of the terminal.
pub struct LiveScreen {
    out: Arc<Mutex<io::Stdout>>,
    resized: Receiver<()>,
}

impl LiveScreen {
    /// Switches to the alternate screen, and watches for signals.
    pub fn open() -> io::Result<Self> {
        let out = Arc::new(Mutex::new(io::stdout()));
        let (sender, resized) = channel();
        watch_signals(Arc::clone(&out), move || sender.send(()).is_ok())?;
        let this = Self { out, resized };
        this.write(ENTER)?;
        Ok(this)
    }

    /// The size of the window.
    pub fn size(&self) -> FrameSize {
        let (rows, columns) = Term::stdout().size_checked().unwrap_or(DEFAULT_SIZE);
        FrameSize { columns: usize::from(columns), rows: Some(usize::from(rows)) }
    }

    /// Draws a frame, each line in its place, so that nothing flickers.
    pub fn draw(&self, lines: &[String]) -> io::Result<()> {
        let mut text = String::from("\u{1b}[H");
        for (n, line) in lines.iter().enumerate() {
            text.push_str(if n == 0 { "" } else { "\r\n" });
            text.push_str(line);
            text.push_str("\u{1b}[K");
        }
        text.push_str("\u{1b}[J");
        self.write(&text)
    }

    /// Waits. `true`: the window has a new size.
    pub fn wait(&self, time: Duration) -> bool {
        match self.resized.recv_timeout(time) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(time);
                false
            }
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Drop for LiveScreen {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = self.write(LEAVE);
    }
}

/// Calls `resized` when the window has a new size, and restores the screen before a signal ends or stops the process.
#[cfg(unix)]
fn watch_signals(out: Arc<Mutex<io::Stdout>>, resized: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH},
        iterator::Signals,
        low_level::emulate_default_handler,
    };

    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH])?;
    std::thread::spawn(move || {
        for signal in &mut signals {
            if signal == SIGWINCH {
                resized();
                continue;
            }
            // While this thread has the lock, no frame is written.
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
            let _ = emulate_default_handler(signal);
            // The process was stopped, and goes on.
            let _ = out.write_all(ENTER.as_bytes()).and_then(|()| out.flush());
            drop(out);
            resized();
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn watch_signals(_: Arc<Mutex<io::Stdout>>, _: impl Fn() -> bool + Send + 'static) -> io::Result<()> {
    Ok(())
}
