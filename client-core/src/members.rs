//! The members of a JSON object, without a JSON parser: names and values as the texts they are.
//!
//! Why: what changes of a patient or a conversation is the caller's own object, each time with some of its members; the page's
//! parser reads the values. Limits: only the outermost object is looked at; a name with an escape in it keeps the escape.

/// Hands out the members of the outermost object. Stops at what is no JSON.
#[inline(never)]
pub(crate) fn each_member<'a>(json: &'a str, each: &mut dyn FnMut(&'a str, &'a str)) {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    // Where the name or value under way begins, and the name that was read.
    let (mut start, mut name) = (0, "");
    for (at, byte) in json.bytes().enumerate() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        let opens = matches!(byte, b'{' | b'[');
        let closes = matches!(byte, b'}' | b']');
        depth += u32::from(opens);
        if byte == b'"' {
            in_string = true;
        } else if depth == 1 && (opens || closes || byte == b',' || (byte == b':' && name.is_empty())) {
            let part = json.get(start..at).unwrap_or_default().trim_ascii();
            if byte == b':' {
                name = part.get(1..part.len().saturating_sub(1)).unwrap_or("");
            } else {
                if !opens && !name.is_empty() && !part.is_empty() {
                    each(name, part);
                }
                name = "";
            }
            start = at + 1;
        }
        if closes {
            if depth <= 1 {
                return;
            }
            depth -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(json: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        each_member(json, &mut |name, value| found.push((name.to_owned(), value.to_owned())));
        found
    }

    #[test]
    fn strings_and_nested_values_do_not_hide_or_make_members() {
        let json = r#" { "a" : {"x":[1,{"y":"}"}]} , "b,":"\"q\\", "c" : [ "," , 2 ], "d":null,"e": true } "#;
        let expected = [("a", r#"{"x":[1,{"y":"}"}]}"#), ("b,", r#""\"q\\""#), ("c", r#"[ "," , 2 ]"#), ("d", "null"), ("e", "true")];
        assert_eq!(members(json), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for nothing in ["", "{}", "[]", "null", "{\"a\"", "[1,2]", "}{", "{,}", "{\"a\":}"] {
            assert!(members(nothing).is_empty(), "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_every_member_of_an_object_is_found(
            noise in any::<String>(),
            object in proptest::collection::btree_map("[a-z]{1,6}", proptest::option::of("[ -~]{0,12}"), 0..8),
        ) {
            members(&noise);
            let text = |value: &Option<String>| value.as_ref().map_or("null".to_owned(), |text| format!("{text:?}"));
            let parts: Vec<String> = object.iter().map(|(name, value)| format!("\"{name}\": {}", text(value))).collect();
            let expected: Vec<_> = object.iter().map(|(name, value)| (name.clone(), text(value))).collect();
            prop_assert_eq!(members(&format!("{{{}}}", parts.join(","))), expected);
        }
    }
}
