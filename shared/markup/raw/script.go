package raw

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Raised and lowered signs that Unicode has.
var (
	raised  = script("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
	lowered = script("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
)

func script(plain, shifted string) map[rune]rune {
	m := map[rune]rune{}
	to := []rune(shifted)
	for i, r := range []rune(plain) {
		m[r] = to[i]
	}

	return m
}

// ordinal are the ends of numbers that read the same when they are not raised.
var ordinal = map[string]bool{"st": true, "nd": true, "rd": true, "th": true}

// Scripted writes the text of a sup or sub tag where nothing can be raised or
// lowered: with the signs of Unicode, else as x^max or x_max behind a letter or
// a digit, else as it is. Without this, 10<sup>9</sup> reads as 109.
func Scripted(before, text string, role Role) string {
	signs := raised
	sign := "^"
	if role == Sub {
		signs = lowered
		sign = "_"
	}

	if text == "" || ordinal[text] {
		return text
	}
	if text == "TM" && role == Super {
		return "™"
	}

	whole := true
	shifted := strings.Map(func(r rune) rune {
		to, ok := signs[r]
		whole = whole && ok
		return to
	}, text)
	if whole {
		return shifted
	}

	last, _ := utf8.DecodeLastRuneInString(before)
	if (unicode.IsLetter(last) || unicode.IsDigit(last)) && !strings.ContainsFunc(text, isNoWord) {
		return sign + text
	}

	return text
}

func isNoWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
