"""Hypothesis strategies for files of the configuration."""

from hypothesis import strategies as st

from tests.fuzz.strategies import damaged

PLAIN = [
    "1",
    "0",
    "-1",
    "3.0",
    "017",
    "0x10",
    "1_000",
    "1:30",
    ".nan",
    ".inf",
    "1e3",
    "1.0e3",
    "true",
    "no",
    "~",
    "null",
    "''",
]
PLAIN += [
    "[]",
    "{}",
    "[1, 1]",
    "[a, b]",
    "{a: 1}",
    "auto",
    "nobody",
    '"a{x}b"',
    '"\\0"',
    '"\\ud800"',
    '"\\e[31m"',
    "2026-01-01",
]
PLAIN += [
    "9" * 5000,
    "[" * 2000,
    "&a [*a]",
    "*b",
    "!!python/object:os.system x",
    "<<",
    "x" * 5000,
    "|\n  a\n  b",
    "'../x'",
    "/dev/zero",
]
PLAIN += [
    "[config/claims/article.yaml]",
    "[/dev/zero]",
    "config/references.yaml",
    "[32, 64]",
    "[cpu]",
    "[gpu]",
    "[mlp]",
    "[tf-2.19]",
]


@st.composite
def configurations(draw, text: str) -> bytes:
    """A configuration file in which some values, keys or bytes are others.

    Args:
        draw: hypothesis's.
        text: of a good one, with one key a line.
    """
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        number = draw(st.integers(0, len(lines) - 1))
        key, _, value = lines[number].partition(": ")
        kind = draw(st.sampled_from(["value", "value", "value", "key", "twice", "gone", "tab", "text"]))
        if kind == "value":
            lines[number] = f"{key}: {draw(st.sampled_from(PLAIN))}"
        elif kind == "key":
            lines[number] = (
                f"{draw(st.sampled_from([key[:-1], key.upper(), '1', '? [a]', '<<', '', key + key]))}: {value}"
            )
        elif kind == "twice":
            lines.insert(number, lines[number])
        elif kind == "gone" and len(lines) > 1:
            del lines[number]
        elif kind == "tab":
            lines[number] = f"\t{lines[number]}"
        else:
            lines[number] = draw(st.text(max_size=30))
    content = "\n".join(lines).encode(errors="surrogatepass") + b"\n"
    return draw(st.one_of(st.just(content), st.just(content), st.just(content), damaged(content)))
