//! A small scanner for Rust, TypeScript and Svelte: which characters are code, which are comment or text.
//!
//! The checks work on a masked copy with the same lines, so that a word inside a string or comment is no finding.
//! Limits: JSX text and Svelte markup count as code; a regular expression after an unusual character may be misread.

/// The text with the inside of comments and strings blanked; line breaks stay.
pub(crate) fn mask(text: &str, rust: bool) -> String {
    let mut masker = Masker { chars: text.chars().collect(), at: 0, out: String::with_capacity(text.len()), rust, last: '\n' };
    masker.run();
    masker.out
}

struct Masker {
    chars: Vec<char>,
    at: usize,
    out: String,
    rust: bool,
    /// The last character of code that was no space: tells a division from a regular expression.
    last: char,
}

impl Masker {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn code(&mut self) {
        let next = self.peek(0);
        self.out.push(next);
        if !next.is_whitespace() {
            self.last = next;
        }
        self.at += 1;
    }

    fn blank(&mut self) {
        self.out.push(if self.peek(0) == '\n' { '\n' } else { ' ' });
        self.at += 1;
    }

    fn run(&mut self) {
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '/') => self.while_blank(|masker| masker.peek(0) != '\n'),
                ('/', '*') => self.block_comment(),
                ('<', '!') if !self.rust && self.peek(2) == '-' && self.peek(3) == '-' => self.html_comment(),
                ('"', _) => self.quoted('"'),
                ('`', _) if !self.rust => self.quoted('`'),
                ('\'', _) if !self.rust => self.quoted('\''),
                ('\'', _) => self.char_or_lifetime(),
                ('r', '"' | '#') if self.rust && !self.last_is_word() => self.raw_string(),
                ('/', _) if !self.rust && self.regex_may_start() => self.quoted('/'),
                _ => self.code(),
            }
        }
    }

    fn while_blank(&mut self, go: impl Fn(&Self) -> bool) {
        while self.at < self.chars.len() && go(self) {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') if depth == 0 || self.rust => {
                    depth += 1;
                    self.blank();
                }
                ('*', '/') => {
                    depth -= 1;
                    self.blank();
                }
                _ => {}
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn html_comment(&mut self) {
        self.while_blank(|masker| !(masker.peek(0) == '-' && masker.peek(1) == '-' && masker.peek(2) == '>'));
        self.while_blank(|masker| matches!(masker.peek(0), '-' | '>'));
    }

    /// Keeps the quotes, blanks what is between. Only strings of Rust and templates may go over a line's end.
    fn quoted(&mut self, quote: char) {
        self.code();
        while self.at < self.chars.len() && self.peek(0) != quote {
            if self.peek(0) == '\n' && !self.rust && quote != '`' {
                return;
            }
            if self.peek(0) == '\\' {
                self.blank();
            }
            if self.at < self.chars.len() {
                self.blank();
            }
        }
        if self.at < self.chars.len() {
            self.code();
        }
    }

    fn char_or_lifetime(&mut self) {
        let is_char = self.peek(1) == '\\' || self.peek(2) == '\'';
        if is_char { self.quoted('\'') } else { self.code() }
    }

    fn raw_string(&mut self) {
        let hashes = self.chars.iter().skip(self.at + 1).take_while(|next| **next == '#').count();
        if self.peek(1 + hashes) != '"' {
            return self.code();
        }
        for _ in 0..hashes + 2 {
            self.code();
        }
        let ends = |masker: &Self| masker.peek(0) == '"' && (1..=hashes).all(|ahead| masker.peek(ahead) == '#');
        self.while_blank(|masker| !ends(masker));
        for _ in 0..=hashes {
            if self.at < self.chars.len() {
                self.code();
            }
        }
    }

    fn last_is_word(&self) -> bool {
        self.at > 0 && self.chars.get(self.at - 1).is_some_and(|before| before.is_alphanumeric() || *before == '_')
    }

    fn regex_may_start(&self) -> bool {
        "(,=:[!&|?{};\n".contains(self.last) || self.out.trim_end().ends_with("return")
    }
}

/// A masked Rust text without its `#[cfg(test)]` items: they are blanked too.
pub(crate) fn without_tests(masked: &str) -> String {
    let mut out = String::with_capacity(masked.len());
    let mut rest = masked;
    while let Some(start) = rest.find("#[cfg(test)]") {
        let (before, item) = rest.split_at(start);
        out.push_str(before);
        let end = item_end(item);
        let (gone, after) = item.split_at(end);
        out.extend(gone.chars().filter(|next| *next == '\n'));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the item that starts the text ends: after its `;`, or after the brace that closes its first one.
fn item_end(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, next) in item.char_indices() {
        match next {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_of_rust_are_blanked_and_lines_stay() {
        let text =
            "let a = \"// no\"; // yes\n/* one /* two */ still */ b\nlet c = r#\"x \" y\"#; 'l: loop { '\\'' }\nfn f<'a>(x: &'a str) {}\n";
        let masked = mask(text, true);
        assert_eq!(masked.lines().count(), text.lines().count());
        assert!(!masked.contains("yes") && !masked.contains("no\"") && !masked.contains("still") && !masked.contains("x \""), "{masked}");
        assert!(masked.contains("b\n") && masked.contains("loop {") && masked.contains("fn f<'a>(x: &'a str) {}"), "{masked}");
    }

    #[test]
    fn comments_strings_templates_and_regular_expressions_of_typescript_are_blanked() {
        let text = "const a = 'it // is'; const r = /[\"']/g; // gone\nconst t = `two\nlines ${x}`; const half = a / b; // away\n";
        let masked = mask(text, false);
        assert!(!masked.contains("gone") && !masked.contains("away") && !masked.contains("lines"), "{masked}");
        assert!(masked.contains("const half = a / b;"), "{masked}");
        assert_eq!(masked.lines().count(), text.lines().count());
    }

    #[test]
    fn test_items_vanish_and_what_follows_stays() {
        let masked = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { if x {} }\n}\nfn c() {}\n#[cfg(test)]\nuse x;\nfn d() {}\n";
        let left = without_tests(masked);
        assert!(left.contains("fn a") && left.contains("fn c") && left.contains("fn d"), "{left}");
        assert!(!left.contains("fn b") && !left.contains("use x"), "{left}");
        assert_eq!(left.lines().count(), masked.lines().count());
    }
}
