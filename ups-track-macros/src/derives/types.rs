//! Questions about the type of a field, as far as its name answers them.

use syn::{GenericArgument, PathArguments, Type};

/// Whether the type is a `Secret<..>`, or an `Option` of one.
pub(crate) fn is_secret(ty: &Type) -> bool {
    match name_and_arguments(ty) {
        Some((name, _)) if name == "Secret" => true,
        Some((name, arguments)) if name == "Option" => arguments.iter().any(|ty| is_secret(ty)),
        _ => false,
    }
}

/// Whether the type holds text.
pub(crate) fn is_text(ty: &Type) -> bool {
    const WRAPPERS: [&str; 6] = ["Option", "Box", "Arc", "Rc", "Cow", "Vec"];
    match ty {
        Type::Reference(inner) => is_text(&inner.elem),
        Type::Paren(inner) => is_text(&inner.elem),
        Type::Group(inner) => is_text(&inner.elem),
        Type::Array(inner) => is_text(&inner.elem),
        Type::Slice(inner) => is_text(&inner.elem),
        other => match name_and_arguments(other) {
            Some((name, _)) if matches!(name.as_str(), "String" | "str") => true,
            Some((name, arguments)) if WRAPPERS.contains(&name.as_str()) => {
                arguments.iter().any(|ty| is_text(ty))
            }
            _ => false,
        },
    }
}

/// The last name of a path, and the types in its angle brackets.
fn name_and_arguments(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(found) => found
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    Some((last.ident.to_string(), arguments))
}

#[cfg(test)]
mod tests {
    use super::{is_secret, is_text};
    use syn::{Type, parse_quote};

    #[test]
    fn text_and_secrets() {
        let text: [Type; 5] = [
            parse_quote!(String),
            parse_quote!(&'a str),
            parse_quote!(Option<std::string::String>),
            parse_quote!(Cow<'static, str>),
            parse_quote!(Vec<Box<str>>),
        ];
        assert!(text.iter().all(is_text));
        let other: [Type; 4] = [
            parse_quote!(u64),
            parse_quote!(Secret<String>),
            parse_quote!(HashMap<String, u8>),
            parse_quote!((String, u8)),
        ];
        assert!(!other.iter().any(is_text));
        let secrets: [Type; 2] = [parse_quote!(ups_track::Secret<String>), parse_quote!(Option<Secret<u8>>)];
        assert!(secrets.iter().all(is_secret) && !other.iter().take(1).any(is_secret));
    }
}
