//! One name for one card: what providers call the same GPU differs in maker, case, separators and memory. Pure.

/// Words that say nothing that tells two cards apart.
const NOISE: [&str; 9] = ["NVIDIA", "AMD", "INTEL", "GEFORCE", "TESLA", "QUADRO", "INSTINCT", "RADEON", "GPU"];
/// Forms of one card, as they are written once.
const FORMS: [(&str, &str); 7] = [
    ("SXM2", "SXM"),
    ("SXM3", "SXM"),
    ("SXM4", "SXM"),
    ("SXM5", "SXM"),
    ("SXM6", "SXM"),
    ("PCI", "PCIE"),
    ("SUPER", "S"),
];
/// Series that some write together with the number.
const SERIES: [&str; 2] = ["RTX", "GTX"];

/// A model as all providers would write it, and the memory where the name told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Words in capitals, one space between: `RTX 4090`, `H100 SXM`, `A16`.
    pub name: String,
    pub vram_gb: Option<u64>,
}

/// Reads a model's name in any of its spellings. A name that consists of noise only is kept.
pub fn model(text: &str) -> Model {
    let mut found = Model::default();
    let mut words: Vec<String> = vec![];
    let upper = text.to_uppercase();
    for word in upper.split(|c: char| c.is_whitespace() || matches!(c, '_' | '-' | '/' | '(' | ')' | ',')) {
        if word.is_empty() || NOISE.contains(&word) {
            continue;
        }
        if let Some(gb) = word.strip_suffix("GB").or_else(|| word.strip_suffix("GIB")) {
            match gb.parse() {
                Ok(gb) => found.vram_gb = Some(gb),
                // `80 GB`, in two words: the number is the last one.
                Err(_) if gb.is_empty() => {
                    let last = words.last().and_then(|word| word.parse().ok());
                    if last.is_some() {
                        (found.vram_gb, _) = (last, words.pop());
                    }
                }
                Err(_) => words.push(word.to_owned()),
            }
            continue;
        }
        let word = FORMS.iter().find(|(form, _)| *form == word).map_or(word, |(_, plain)| plain);
        // `RTX4090` is two words, and so is `4070S`'s `RTX4070S`.
        match SERIES.iter().find_map(|series| Some((series, word.strip_prefix(series)?))) {
            Some((series, rest)) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
                words.extend([(*series).to_owned(), rest.to_owned()]);
            }
            _ => words.push(word.to_owned()),
        }
    }
    found.name = if words.is_empty() { upper.trim().to_owned() } else { words.join(" ") };
    found
}

/// Returns whether a card is what was asked for: the wish stands in its name, and it has the memory that the wish names.
pub fn fits(wish: &str, name: &str, vram_mib: Option<u64>) -> bool {
    let (wish, has) = (model(wish), model(name));
    // Makers give a little less than the round number.
    let enough = |gb: u64| vram_mib.is_some_and(|mib| mib >= gb.saturating_mul(950));
    let (want, has) = (wish.name.replace(' ', ""), has.name.replace(' ', ""));
    // `A10` is no `A100`.
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let ends = |at: usize| !(is_digit(want.chars().last()) && is_digit(has[at + want.len()..].chars().next()));
    wish.vram_gb.is_none_or(enough) && has.match_indices(&want).any(|(at, _)| ends(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_card_has_one_name() {
        for (told, name, vram_gb) in [
            ("NVIDIA GeForce RTX 4090", "RTX 4090", None),
            ("RTX_4090", "RTX 4090", None),
            ("RTX4090", "RTX 4090", None),
            ("rtx4070s", "RTX 4070S", None),
            ("H100-80GB", "H100", Some(80)),
            ("H100 SXM5 80 GB", "H100 SXM", Some(80)),
            ("h100_sxm", "H100 SXM", None),
            ("A100 PCIE", "A100 PCIE", None),
            ("NVIDIA A16", "A16", None),
            ("AMD Instinct MI300X", "MI300X", None),
            ("Tesla T4", "T4", None),
            ("GPU", "GPU", None),
            ("RTX A6000", "RTX A6000", None),
            ("GB200", "GB200", None),
            ("", "", None),
        ] {
            assert_eq!(model(told), Model { name: name.into(), vram_gb }, "{told}");
        }
    }

    #[test]
    fn a_wish_finds_a_card_under_any_of_its_names() {
        for (wish, name, vram_mib, found) in [
            ("4090", "RTX 4090", None, true),
            ("rtx4090", "NVIDIA GeForce RTX 4090", None, true),
            ("H100", "H100 SXM", None, true),
            ("H100 PCIe", "H100 SXM", None, false),
            ("a100-80gb", "A100 SXM", Some(81_920), true),
            ("a100-80gb", "A100 SXM", Some(40_960), false),
            ("a100-80gb", "A100 SXM", None, false),
            ("A10", "A16", None, false),
            ("A10", "A100 SXM", None, false),
            ("A10", "A10", None, true),
            ("l40", "L40S", None, true),
        ] {
            assert_eq!(fits(wish, name, vram_mib), found, "{wish} {name}");
        }
    }
}
