//! The one day that templates are told.

use minijinja::{Error, ErrorKind};

/// 26 July 2024, a Friday, at midnight, in the format of C's `strftime`.
pub(super) fn strftime_now(format: &str) -> Result<String, Error> {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let code: String = match rest.next() {
            Some('-') => rest.next().map(|c| format!("-{c}")).unwrap_or_default(),
            Some(c) => c.to_string(),
            None => String::new(),
        };
        out.push_str(match code.as_str() {
            "Y" => "2024",
            "y" => "24",
            "m" => "07",
            "-m" => "7",
            "B" => "July",
            "b" | "h" => "Jul",
            "d" | "-d" | "e" => "26",
            "A" => "Friday",
            "a" => "Fri",
            "w" | "u" => "5",
            "j" | "-j" => "208",
            "F" => "2024-07-26",
            "H" | "M" | "S" => "00",
            "-H" | "-M" | "-S" => "0",
            "I" | "-I" => "12",
            "p" => "AM",
            "T" => "00:00:00",
            "%" => "%",
            _ => {
                let message = format!("strftime_now: %{code} is not known here");
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
        });
    }
    Ok(out)
}
